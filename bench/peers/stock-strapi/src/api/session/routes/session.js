module.exports = require('@strapi/strapi').factories.createCoreRouter('api::session.session', {
  only: ['find'],
});
