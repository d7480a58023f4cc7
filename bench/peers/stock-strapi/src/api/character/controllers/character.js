module.exports = require('@strapi/strapi').factories.createCoreController('api::character.character');
