import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { AnswerRange, CharacterSessionRange, Message, Owner, SessionEntry } from '../../chat';
import { characterColumn, characterOf } from '../characters/links';
import { isSuperseded, selectMessages, toMessage, type MessageRow } from '../messages/rows';
import type { Reader } from '../reader/reader';
import { toSessionEntry, type SessionRow } from './rows';

type Database = Core.Strapi['db'];

const columns = { createdAt: 'created_at', lastMessageAt: 'last_message_at' } as const;

/** Lists the sessions with one character after a session. The row of that session gives the place, not a date. */
export async function listWithCharacter(
  db: Database,
  reader: Reader,
  owner: Owner,
  { characterId, order, after, limit, signal }: CharacterSessionRange,
): Promise<readonly SessionEntry[]> {
  const column = columns[order.by];
  const direction = order.newestFirst ? 'desc' : 'asc';
  const page = db.connection
    .from({ s: 'chat_sessions' })
    .select('s.*', db.connection.raw(`${characterOf('s')} as character_id`))
    .where({ 's.user_id': owner.id, 's.is_deleted': false })
    .whereRaw(`${characterColumn(db, 's')} = ?`, [characterId])
    .orderBy([
      { column: `s.${column}`, order: direction },
      { column: 's.id', order: direction },
    ])
    .limit(limit) as unknown as Knex.QueryBuilder<SessionRow, SessionRow[]>;
  if (after !== null) {
    const isAfter = order.newestFirst ? '<' : '>';
    const place = `select ${column}, id from chat_sessions where id = ?`;
    void page.whereRaw(`(s.${column}, s.id) ${isAfter} (${place})`, [after.rowId]);
  }
  const rows = await reader.rows<SessionRow>(owner, page, { signal, interruptedAt: 's.id' });
  return rows.map(toSessionEntry);
}

/** Lists the newest answers of turns of a session before a row. Leaves out superseded ones. */
export async function listAnswers(
  db: Database,
  reader: Reader,
  owner: Owner,
  { session, beforeId, limit, signal }: AnswerRange & { readonly session: SessionEntry },
): Promise<readonly Message[]> {
  const ofSession = { 'm.session_id': session.rowId, 'm.is_deleted': false };
  const page = selectMessages(db)
    .where(ofSession)
    .where('m.role', 'assistant')
    .whereNotNull('m.turn_id')
    .whereRaw(`not ${isSuperseded}`)
    .orderBy('m.id', 'desc')
    .limit(limit);
  if (beforeId !== null) void page.where('m.id', '<', beforeId);
  const rows = await reader.rows<MessageRow>(owner, page, { signal, interruptedAt: 'm.id' });
  return rows.map(toMessage);
}
