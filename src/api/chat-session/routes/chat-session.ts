import { factories } from '@strapi/strapi';

import { notForUsers } from '../../../http/user-route';

export default factories.createCoreRouter('api::chat-session.chat-session', {
  config: { find: notForUsers('Your own sessions are at POST /api/chat/sessions.') },
});
