import type { Core } from '@strapi/strapi';

import { auditOf } from '../../../app';
import { chatUids } from '../../entries/chat-entries';
import { administratorOf } from './administrator';

interface State {
  readonly auth?: { readonly strategy?: { readonly name?: string } };
  readonly user?: unknown;
}

/** The panel of an administrator, and a token that belongs to one. */
const strategies = new Set(['admin', 'admin-token']);

/** Writes the audit log when an administrator reads chats as entries: in the Content Manager, or by a tool. */
export function auditEntries(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    const { uid, action, params } = context;
    if (chatUids.has(uid) && action.startsWith('find')) {
      const state = strapi.requestContext.get()?.state as State | undefined;
      if (strategies.has(state?.auth?.strategy?.name ?? '') && state?.user !== undefined) {
        const { documentId } = params as { readonly documentId?: string };
        const detail = [uid.split('.').at(-1), documentId].filter(Boolean).join(' ');
        await auditOf(strapi).noteOnce({ ...administratorOf({ state }), action: 'entries', detail });
      }
    }
    return next();
  });
}
