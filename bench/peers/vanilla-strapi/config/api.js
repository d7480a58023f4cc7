module.exports = require('../../stock-strapi/config/api');
