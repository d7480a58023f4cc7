module.exports = require('../../stock-strapi/config/admin');
