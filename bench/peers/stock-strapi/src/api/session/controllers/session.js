module.exports = require('@strapi/strapi').factories.createCoreController('api::session.session');
