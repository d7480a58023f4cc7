module.exports = require('../../stock-strapi/config/server');
