import { factories } from '@strapi/strapi';

import { reading } from '../../../http/user-route';

/** Returns a new object for each route, because Strapi writes the route's permission into it. */
const forUsers = () => ({ middlewares: reading, isForUsers: true });

export default factories.createCoreRouter('api::ai-character.ai-character', {
  config: { find: forUsers(), findOne: forUsers() },
});
