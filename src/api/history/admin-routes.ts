import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { parseWhose } from '../../history';
import { historyOf } from '../../app';
import { conversationIdOf } from './conversation-id';

/** Of Strapi's service, the part that is used here. */
interface PermissionService {
  readonly actionProvider: { registerMany(actions: readonly object[]): Promise<void> };
}

/**
 * The history of everybody, for administrators whose role has the right to it: "Read the history of conversations", under
 * Settings in the role editor. Super Admins have it. Has to be called before Strapi bootstraps, which drops rights it does
 * not know. An end user's token is none of an administrator.
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
  const config = {
    policies: [
      'admin::isAuthenticatedAdmin',
      { name: 'admin::hasPermissions', config: { actions: ['api::history.read'] } },
    ],
  };
  const history = () => historyOf(strapi).access;
  const get = (path: string, handler: (ctx: Context) => Promise<unknown>) => ({
    method: 'GET' as const,
    path,
    handler,
    config,
    // The name is for the middleware that tells errors: these are told as at the other doors of this API.
    info: { type: 'admin' as const, apiName: 'history' },
  });
  strapi.server.routes({
    type: 'admin',
    prefix: '/admin/history',
    routes: [
      get('/conversations', (ctx) => history().listConversations(parseWhose(ctx.query), ctx.query)),
      get('/conversations/:conversation_id', (ctx) =>
        history().listMessages(parseWhose(ctx.query), conversationIdOf(ctx), ctx.query),
      ),
      get('/stats', (ctx) => history().statistics(parseWhose(ctx.query), ctx.query)),
    ],
  });
}
