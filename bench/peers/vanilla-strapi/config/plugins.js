module.exports = require('../../stock-strapi/config/plugins');
