import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Owner, OwnerSource } from '../../chat';
import { isRowId } from '../sql/row-id';

interface OwnerRow {
  readonly id: number;
  readonly document_id: string;
  readonly username: string | null;
  readonly email: string | null;
}

/** Creates the source of owners on Strapi's database. */
export function createOwnerSource(db: Core.Strapi['db']): OwnerSource {
  const users = () =>
    db.connection
      .from({ u: 'up_users' })
      .select('u.id', 'u.document_id', 'u.username', 'u.email') as Knex.QueryBuilder<OwnerRow, OwnerRow[]>;
  return {
    async find(reference) {
      const named = isRowId(reference) ? { 'u.id': Number(reference) } : { 'u.document_id': reference };
      return toOwner(await users().where(named).limit(1));
    },
    async findOfSession(id) {
      // As a subquery, each part uses its own index.
      const named = `select id from chat_sessions where session_id = ?
        union all select id from chat_sessions where conversation_id = ?`;
      const ofSession = users()
        .join({ s: 'chat_sessions' }, 's.user_id', 'u.id')
        .where({ 's.is_deleted': false })
        .whereRaw(`s.id in (${named})`, [id, id]);
      return toOwner(await ofSession.orderBy('s.id', 'desc').limit(1));
    },
    async findOfMessage(reference) {
      const named = 'id' in reference ? { 'm.id': reference.id } : { 'm.message_id': reference.messageId };
      const ofMessage = users().join({ m: 'chat_conversations' }, 'm.user_id', 'u.id');
      return toOwner(await ofMessage.where({ 'm.is_deleted': false, ...named }).limit(1));
    },
  };
}

function toOwner([row]: readonly OwnerRow[]): Owner | null {
  if (row === undefined) return null;
  const { id, document_id: documentId, username, email } = row;
  return { id, documentId, username: username ?? '', email: email ?? '' };
}
