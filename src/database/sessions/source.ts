import type { Core } from '@strapi/strapi';

import type { SessionSource } from '../../chat';

/** Creates the source of sessions on Strapi's database. */
export function createSessionSource(db: Core.Strapi['db']): SessionSource {
  return {
    async findSessionId(conversationId, userDocumentId) {
      const sessions = db.connection
        .from({ s: 'chat_sessions' })
        .where({ 's.conversation_id': conversationId })
        .orderBy('s.id', 'desc');
      if (userDocumentId !== null) {
        void sessions.join({ u: 'up_users' }, 'u.id', 's.user_id').where({ 'u.document_id': userDocumentId });
      }
      const row = (await sessions.first('s.session_id')) as { readonly session_id: string } | undefined;
      return row?.session_id ?? null;
    },
  };
}
