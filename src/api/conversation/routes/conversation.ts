import { z } from 'zod';

import { schemas } from '../../../chat';
import { anyLimits } from '../../../http/operation';
import { writing } from '../../../http/route-errors';
import { reading, userRoute } from '../../../http/user-route';

/** A request has its values in the query string, or in a body. */
const message = schemas.conversationMessageParameters(anyLimits);
const optionalMessage = message.partial();

/** The conversation API. The server offers it without the prefix `/api`, too. */
export default {
  routes: [
    userRoute('POST', '/conversations', 'conversation.findOrCreate', {
      id: 'findOrCreateConversation',
      summary: 'Get the latest conversation, or create one',
      description:
        'The one with the newest message. Concurrent calls get the same one. Values can be in the ' +
        'query string or in the body, which wins.',
      query: schemas.conversationParameters.shape,
      body: schemas.conversationParameters,
      reply: { json: schemas.conversationReply },
      errors: ['not-yourself', ...writing],
    }),
    userRoute('POST', '/conversations/:conversation_id/messages', 'conversation.addMessage', {
      id: 'addConversationMessage',
      summary: 'Add a message to a conversation',
      description:
        'Stores the message. No character is asked. Values can be in the query string or in the ' +
        'body, which wins.',
      query: optionalMessage.shape,
      body: optionalMessage,
      reply: { json: schemas.conversationMessageReply },
      errors: ['session-not-found', ...writing],
    }),
    userRoute(
      'GET',
      '/conversations/:conversation_id/messages',
      'conversation.listMessages',
      {
        id: 'listConversationMessages',
        summary: 'List the messages of a conversation',
        description:
          'All messages in the order in which they were said, or a part. If the server cannot complete ' +
          'a list, it cuts the connection.',
        query: schemas.conversationPartParameters.shape,
        reply: { json: z.array(schemas.conversationMessageReply) },
        errors: ['session-not-found'],
      },
      reading,
    ),
    userRoute(
      'GET',
      '/users/:user_id/conversations',
      'conversation.list',
      {
        id: 'listConversations',
        summary: 'List conversations',
        description: 'The one with the newest message comes first.',
        query: schemas.conversationPageParameters.shape,
        reply: { json: z.array(schemas.conversationReply) },
        errors: ['not-yourself'],
      },
      reading,
    ),
  ],
};
