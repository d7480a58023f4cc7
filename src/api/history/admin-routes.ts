import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { parseWhose } from '../../history';
import { historyOf } from '../../app';
import { conversationIdOf } from './conversation-id';

/** The part of Strapi's permission service that this file uses. */
interface PermissionService {
  readonly actionProvider: { registerMany(actions: readonly object[]): Promise<void> };
}

/**
 * Adds the routes that show administrators the history of all users. A role needs the permission "Read the history of
 * conversations", which is under Settings in the role editor. Super Admins have it. The caller must await this before
 * Strapi bootstraps, because the bootstrap drops unknown permissions. These routes refuse the token of an end user.
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
    // The error middleware reads `apiName`. It gives these routes the same error format as the other history routes.
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
