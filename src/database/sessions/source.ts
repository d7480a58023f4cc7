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
      const row = (await sessions.first('s.session_id')) as SessionRow | undefined;
      if (row !== undefined || userDocumentId === null) return row?.session_id ?? null;
      return findByEarlier(db, conversationId, userDocumentId);
    },
  };
}

interface SessionRow {
  readonly session_id: string;
}

/** Finds the session by a conversation that it has had. The messages of a user have an index for it. */
async function findByEarlier(
  db: Core.Strapi['db'],
  conversationId: string,
  userDocumentId: string,
): Promise<string | null> {
  const row = (await db.connection
    .from({ m: 'chat_conversations' })
    .join({ u: 'up_users' }, 'u.id', 'm.user_id')
    .join({ s: 'chat_sessions' }, 's.id', 'm.session_id')
    .where({ 'u.document_id': userDocumentId, 'm.conversation_id': conversationId })
    .first('s.session_id')) as SessionRow | undefined;
  return row?.session_id ?? null;
}
