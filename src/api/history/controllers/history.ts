import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { chatOf, historyOf } from '../../../app';
import { ownerOf } from '../../../http/owner';
import { conversationIdOf } from '../conversation-id';

/** The history of finished generations, for their owner. */
export default ({ strapi }: { strapi: Core.Strapi }) => ({
  /** GET /api/v1/conversations */
  async listConversations(ctx: Context) {
    return historyOf(strapi).access.listConversations(ownerOf(ctx), ctx.query);
  },

  /** GET /api/v1/conversations/:conversation_id */
  async listMessages(ctx: Context) {
    return historyOf(strapi).access.listMessages(ownerOf(ctx), conversationIdOf(ctx), ctx.query);
  },

  /** DELETE /api/v1/conversations/:conversation_id */
  async deleteConversation(ctx: Context) {
    await chatOf(strapi).writes.count(ownerOf(ctx));
    await historyOf(strapi).access.deleteConversation(ownerOf(ctx), conversationIdOf(ctx));
    return { message: 'Conversation deleted successfully' };
  },

  /** GET /api/v1/stats/conversations */
  async statistics(ctx: Context) {
    return historyOf(strapi).access.statistics(ownerOf(ctx), ctx.query);
  },
});
