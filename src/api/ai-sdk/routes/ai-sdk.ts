import { z } from 'zod';

import { schemas } from '../../../chat';
import { anyLimits } from '../../../http/operation';
import { asking, calling, writing } from '../../../http/route-errors';
import { reading, streamed, userRoute } from '../../../http/user-route';

/** The backend of the AI SDK's chats: `DefaultChatTransport` of the package `ai`. */
export default {
  routes: [
    userRoute(
      'POST',
      '/ai-sdk/chat',
      'chat.send',
      {
        id: 'aiSdkSend',
        summary: 'Ask a character, as a chat of the AI SDK',
        description:
          'A new `id` begins a session, whose name it becomes. If an answer still runs that no client reads, the ' +
          'server stops it first. An error after the start comes as a part `error`.',
        headers: ['Idempotency-Key'],
        body: schemas.aiSdkBody(anyLimits),
        reply: { events: 'AiSdkPart' },
        errors: [...new Set([...asking, ...writing, ...calling, 'message-not-found' as const])],
      },
      streamed,
    ),
    userRoute(
      'GET',
      '/ai-sdk/chat/:chat_id',
      'chat.messages',
      {
        id: 'aiSdkListMessages',
        summary: 'List the messages of a chat, as UI messages',
        description:
          'All messages, the oldest first, without those that others have replaced. An answer that still runs is ' +
          'missing: resume it. If the server cannot complete a list, it cuts the connection.',
        reply: { json: z.array(schemas.aiSdkMessage) },
        errors: ['session-not-found'],
      },
      reading,
    ),
    userRoute(
      'GET',
      '/ai-sdk/chat/:chat_id/stream',
      'chat.resume',
      {
        id: 'aiSdkResume',
        summary: 'Follow the running answer of a chat from its start',
        description: 'The reply is 204 if no answer runs, also for a chat that does not exist.',
        reply: { events: 'AiSdkPart', empty: 204 },
      },
      streamed,
    ),
    userRoute('POST', '/ai-sdk/chat/:chat_id/stop', 'chat.stop', {
      id: 'aiSdkStop',
      summary: 'Stop the running answer of a chat',
      description:
        'The reply comes once the answer has ended. All its clients get the end. The reply is the same if no answer ' +
        'runs, also for a chat that does not exist.',
      reply: { empty: 204 },
      errors: writing,
    }),
  ],
};
