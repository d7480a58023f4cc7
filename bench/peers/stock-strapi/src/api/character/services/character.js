module.exports = require('@strapi/strapi').factories.createCoreService('api::character.character');
