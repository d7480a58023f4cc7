import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { parseWhose } from '../../history';
import { auditOf, historyOf } from '../../app';
import { readChats } from '../../strapi/rights/chat-reading';
import { administratorOf } from '../../strapi/workplace/conversations/administrator';
import { conversationIdOf } from './conversation-id';

const readHistory = 'api::history.read';

/** The part of Strapi's permission service that this file uses. */
interface PermissionService {
  readonly actionProvider: { registerMany(actions: readonly object[]): Promise<void> };
}

/**
 * Adds the routes that show administrators the history of all users. A role needs the permission "Read the history of
 * conversations", which is under Settings in the role editor. Routes that show users' words also need "Read users'
 * chats", and write the audit log. Super Admins have both. The caller must await this before Strapi bootstraps, because
 * the bootstrap drops unknown permissions. These routes refuse the token of an end user.
 */
export async function openHistoryToAdmins(strapi: Core.Strapi): Promise<void> {
  const permissions = strapi.service('admin::permission') as PermissionService;
  await permissions.actionProvider.registerMany([
    {
      section: 'settings',
      category: 'chat',
      subCategory: 'history',
      displayName: 'Read the history of conversations',
      uid: 'history.read',
    },
  ]);
  const history = () => historyOf(strapi).access;
  const get = (path: string, rights: readonly string[], handler: (ctx: Context) => Promise<unknown>) => ({
    method: 'GET' as const,
    path,
    handler,
    config: {
      policies: [
        'admin::isAuthenticatedAdmin',
        { name: 'admin::hasPermissions', config: { actions: rights } },
      ],
    },
    // The error middleware reads `apiName`. It gives these routes the same error format as the other history routes.
    info: { type: 'admin' as const, apiName: 'history' },
  });
  const getWords = (path: string, handler: (ctx: Context) => Promise<unknown>) =>
    get(path, [readHistory, readChats], async (ctx) => {
      const { user_id: userId } = ctx.query;
      const { conversation_id: id } = ctx.params as { readonly conversation_id?: string };
      const detail = [id, typeof userId === 'string' && `user ${userId}`];
      await auditOf(strapi).note({
        ...administratorOf(ctx),
        action: 'history',
        detail: detail.filter(Boolean).join(', ').slice(0, 255),
      });
      return handler(ctx);
    });
  strapi.server.routes({
    type: 'admin',
    prefix: '/admin/history',
    routes: [
      getWords('/conversations', (ctx) => history().listConversations(parseWhose(ctx.query), ctx.query)),
      getWords('/conversations/:conversation_id', (ctx) =>
        history().listMessages(parseWhose(ctx.query), conversationIdOf(ctx), ctx.query),
      ),
      get('/stats', [readHistory], (ctx) => history().statistics(parseWhose(ctx.query), ctx.query)),
    ],
  });
}
