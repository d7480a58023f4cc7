import { Discuss } from '@strapi/icons';

import type { AdminPart } from '../shared/part';
import { mayReadAudit, mayReadChats } from './rights';
import { chinese, english } from './translations';

const labelOf = (id: keyof typeof english) => ({ id, defaultMessage: english[id] });

/** A page with the conversations of all users, and under Settings the log of who has read them. */
export const conversations: AdminPart = {
  english,
  chinese,
  register(app) {
    app.addMenuLink({
      to: 'conversations',
      icon: Discuss,
      intlLabel: labelOf('character-chat.conversations.title'),
      permissions: mayReadChats,
      Component: () => import('./Page'),
      position: 3,
    });
  },
  bootstrap(app) {
    app.addSettingsLink('global', {
      id: 'character-chat-audit',
      to: 'character-chat-audit',
      intlLabel: labelOf('character-chat.conversations.audit.title'),
      permissions: mayReadAudit,
      Component: () => import('./AuditPage'),
    });
  },
};
