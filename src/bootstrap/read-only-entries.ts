import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

const chatUids: ReadonlySet<string> = new Set([
  'api::chat-conversation.chat-conversation',
  'api::chat-session.chat-session',
]);
const writingActions: ReadonlySet<string> = new Set(['create', 'update', 'clone']);

/**
 * What was said is not edited in the admin panel: people read there what users and characters wrote. (Deleting is
 * possible. API tokens go by the content API and keep the rights their token has.)
 */
export function keepForReading(strapi: Core.Strapi): void {
  strapi.documents.use((context, next) => {
    if (chatUids.has(context.uid) && writingActions.has(context.action) && isAdminPanel(strapi)) {
      throw new errors.ForbiddenError('Chat entries are written by the chat. Here they are for reading.');
    }
    return next();
  });
}

function isAdminPanel(strapi: Core.Strapi): boolean {
  const state = strapi.requestContext.get()?.state as { route?: { info?: { type?: string } } } | undefined;
  return state?.route?.info?.type === 'admin';
}
