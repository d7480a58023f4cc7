import { factories } from '@strapi/strapi';

import { reading } from '../../../http/user-route';

const forUsers = { middlewares: reading, isForUsers: true };

export default factories.createCoreRouter('api::ai-character.ai-character', {
  config: { find: forUsers, findOne: forUsers },
});
