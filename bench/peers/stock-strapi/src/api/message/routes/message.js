const { createCoreRouter } = require('@strapi/strapi').factories;

module.exports = createCoreRouter('api::message.message', { only: ['find'] });
