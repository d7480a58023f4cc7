module.exports = require('../../stock-strapi/config/middlewares');
