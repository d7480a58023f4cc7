import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Message, TurnOutcome } from '../../chat';
import { characterColumn, characterNamed } from '../characters/links';
import { isPending } from '../sql/is-pending';
import { isRowId } from '../sql/row-id';
import { isCutShort, isRated } from './indexes';

/** Selects sessions of all users. */
export interface ConversationFilter {
  /** The documentId or the numeric id of a character. */
  readonly character?: string | undefined;
  readonly user?: UserName | undefined;
  /** Selects by the time of the last message: from `from`, before `before`. */
  readonly from?: Date | undefined;
  readonly before?: Date | undefined;
  /** Selects sessions in which a turn ended like this. */
  readonly outcome?: TurnOutcome | undefined;
  /** Selects sessions with a message that its user rated like this. */
  readonly rating?: NonNullable<Message['feedback']> | undefined;
}

/** Names a user by id, documentId, username or email. */
export interface UserName {
  readonly reference: string;
  /**
   * The value of the columns `username_key` and `email_key`, which have indexes. Null if the project has no such
   * columns. The database then compares the names themselves.
   */
  readonly key: string | null;
}

/** Adds the conditions on the session `s`. */
export function whereMatches(
  db: Core.Strapi['db'],
  sessions: Knex.QueryBuilder,
  { character, user, from, before, outcome, rating }: ConversationFilter,
): void {
  void sessions.where('s.is_deleted', false);
  if (character !== undefined) {
    const { sql, value } = characterNamed(character);
    void sessions.whereRaw(`${characterColumn(db, 's')} = ${sql}`, [value]);
  }
  if (user !== undefined) {
    const { sql, values } = userNamed(user);
    void sessions.whereRaw(`s.user_id = ${sql}`, [...values]);
  }
  if (from !== undefined) void sessions.where('s.last_message_at', '>=', from);
  if (before !== undefined) void sessions.where('s.last_message_at', '<', before);
  if (outcome !== undefined) whereOutcome(sessions, outcome);
  if (rating !== undefined)
    void sessions.whereRaw(
      `s.id in (select session_id from chat_conversations
         where ${isRated} and feedback = ? and is_deleted = false)`,
      [rating],
    );
}

/**
 * Returns SQL for the row id of the user, and its values. It is 0 if no user has the name. An id and a documentId count
 * before a username, and a username before an email.
 */
export function userNamed({ reference, key }: UserName): {
  readonly sql: string;
  readonly values: readonly (string | number)[];
} {
  const [username, email] = key === null ? ['username', 'email'] : ['username_key', 'email_key'];
  const name = key ?? reference;
  const byId = isRowId(reference) ? [Number(reference)] : [];
  const ways = [
    ...byId.map(() => '(select id from up_users where id = ?)'),
    '(select max(id) from up_users where document_id = ?)',
    `(select max(id) from up_users where ${username} = ?)`,
    `(select max(id) from up_users where ${email} = ?)`,
    '0',
  ];
  return { sql: `coalesce(${ways.join(', ')})`, values: [...byId, reference, name, name] };
}

/** Most sessions have a completed answer, so the database checks them one by one. The others are few. */
function whereOutcome(sessions: Knex.QueryBuilder, outcome: TurnOutcome): void {
  switch (outcome) {
    case 'completed':
      void sessions.whereRaw(
        `exists (select 1 from chat_conversations as t
           where t.session_id = s.id and t.outcome = 'completed' and t.is_deleted = false)`,
      );
      return;
    case 'pending':
      void sessions.whereRaw(
        `s.id in (select session_id from chat_conversations where ${isPending} and is_deleted = false)`,
      );
      return;
    case 'stopped':
    case 'interrupted':
    case 'failed':
      void sessions.whereRaw(
        `s.id in (select session_id from chat_conversations
           where ${isCutShort} and outcome = ? and is_deleted = false)`,
        [outcome],
      );
  }
}
