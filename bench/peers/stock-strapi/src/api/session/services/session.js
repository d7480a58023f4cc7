module.exports = require('@strapi/strapi').factories.createCoreService('api::session.session');
