module.exports = require('@strapi/strapi').factories.createCoreRouter('api::character.character', {
  only: ['find'],
});
