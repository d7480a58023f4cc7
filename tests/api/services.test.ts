import type { Core } from '@strapi/strapi';

import type {} from '../../types/services';
import type { SessionReply } from '../../src/chat';
import type { ConversationReply } from '../../src/chat/contract/conversation/reply';
import createConversationService from '../../src/api/conversation/services/conversation';

/** Calls the services as other code of the same Strapi does. The compiler checks the types of arguments and results. */
async function useServices(strapi: Core.Strapi) {
  const { getOrCreateConversation, addMessage } = strapi.service('api::conversation.conversation');
  const conversation: ConversationReply = await getOrCreateConversation({ user_id: 1 });
  // @ts-expect-error -- a role that does not exist
  await addMessage({ conversation_id: conversation.id, role: 'system', content: 'Hi' });
  const sessions = strapi.service('api::chat-session.chat-session');
  const session: SessionReply = await sessions.getSession({ session_id: conversation.id });
  // @ts-expect-error -- user_id is missing
  await sessions.listSessions({});
  const { results } = await sessions.find({});
  const { messages } = await strapi.service('api::history.history').getConversationMessages({
    conversationId: session.session_id,
  });
  return [results, messages];
}

describe('the services for other code', () => {
  it('have the documented names', () => {
    const service = createConversationService({ strapi: {} as Core.Strapi });
    expect(Object.keys(service)).toEqual([
      'getOrCreateConversation',
      'addMessage',
      'getChatHistory',
      'getUserConversations',
    ]);
    expect(useServices).toBeInstanceOf(Function);
  });
});
