module.exports = require('../../stock-strapi/config/database');
