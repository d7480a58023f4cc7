import { factories } from '@strapi/strapi';

import { notForUsers } from '../../../http/user-route';

/**
 * Routes for API tokens, and for roles to which an admin grants them. `custom.ts` adds `findOne` after the paths that
 * its `:id` would match, too.
 */
export default factories.createCoreRouter('api::chat-conversation.chat-conversation', {
  except: ['findOne'],
  config: { find: notForUsers('Your own messages are at GET /api/chat-conversations/my-list.') },
});
