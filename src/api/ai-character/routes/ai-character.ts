import { factories } from '@strapi/strapi';

const reading = { middlewares: ['global::reads'] };

export default factories.createCoreRouter('api::ai-character.ai-character', {
  config: { find: reading, findOne: reading },
});
