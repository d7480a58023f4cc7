import { factories } from '@strapi/strapi';

import { reading } from '../../../http/user-route';

/** An object for each route: Strapi notes in it the right that the route needs. */
const forUsers = () => ({ middlewares: reading, isForUsers: true });

export default factories.createCoreRouter('api::ai-character.ai-character', {
  config: { find: forUsers(), findOne: forUsers() },
});
