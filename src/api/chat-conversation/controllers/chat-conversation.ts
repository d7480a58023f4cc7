import { factories, type Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError, parseQuestion } from '../../../chat';
import { chatOf } from '../../../compose';
import { wantsEventStream, type EventSource } from '../../../middlewares/koasseStream';
import { ownerOf } from '../../../owner-of';

export default factories.createCoreController(
  'api::chat-conversation.chat-conversation',
  ({ strapi }: { strapi: Core.Strapi }) => ({
    /** POST /api/chat-conversations/create-message */
    async createMessage(ctx: Context): Promise<EventSource | { data: unknown }> {
      const { turns, settings } = chatOf(strapi);
      const owner = ownerOf(ctx);
      const turn = await turns.start({ ...parseQuestion(ctx.request.body, settings.request), owner });
      if (wantsEventStream(ctx)) return { follow: (signal) => turn.follow(0, signal) };

      const end = await turn.ended;
      if (end.event === 'message_end') return { data: end.data };
      const { turn_id, session_id, conversation_id, message_id, outcome } = end;
      throw new ChatError(end.code, {
        details: { turn_id, session_id, conversation_id, message_id, outcome },
      });
    },

    /** GET /api/chat-conversations/my-list */
    async myList(ctx: Context) {
      return chatOf(strapi).messages.list(ownerOf(ctx), ctx.query);
    },
  }),
);
