import { randomUUID } from 'node:crypto';

import type { Knex } from 'knex';

import { database } from './database';

const statementRows = 20_000;

/** The text of each question and answer. An export of 100,000 such messages has about 74 MB. */
const text = 'You light the lamp and wind the clock, and then you wait for the fog to lift. '.repeat(2);

/** Returns the SQL of a table `n(i)` with the numbers of a range. */
const numbers = (from: number, to: number) =>
  database === 'postgres'
    ? `generate_series(${from}::bigint, ${to}) as n(i)`
    : `(with recursive n(i) as (values (${from}) union all select i + 1 from n where i < ${to}) select i from n) as n`;
const moment = (seconds: string) =>
  database === 'postgres'
    ? `to_timestamp(1735689600 + ${seconds}) at time zone 'UTC'`
    : `(1735689600 + ${seconds}) * 1000`;

export interface Filling {
  readonly turnsOfSession?: number;
  /** The documentId of the character of every second session. */
  readonly character?: string;
}

/** Inserts so many messages of a user. Each turn has two messages, each session `turnsOfSession` turns. */
export async function fillMessages(
  db: Knex,
  userId: number,
  messages: number,
  { turnsOfSession = 20, character }: Filling = {},
): Promise<void> {
  const key = randomUUID().slice(0, 8);
  const sessions = Math.ceil(messages / 2 / turnsOfSession);
  await db.raw(
    `insert into chat_sessions (document_id, session_id, title, user_id, conversation_id, message_count, last_message_at,
       is_deleted, created_at, updated_at)
     select '${key}s' || i, '${key}-s-' || i, 'A session', ${userId}, '${key}-c-' || i, ${2 * turnsOfSession},
       ${moment('i')}, false, ${moment('i')}, ${moment('i')} from ${numbers(1, sessions)}`,
  );
  const { first } = (await db('chat_sessions').where({ user_id: userId }).min({ first: 'id' }).first()) as {
    first: number;
  };
  for (let done = 0; done < messages; done += statementRows) {
    const session = `(i - 1) / ${2 * turnsOfSession}`;
    const turn = `${key}-t-' || ((i + 1) / 2)`;
    await db.raw(
      `insert into chat_conversations (document_id, message_id, role, query, answer, conversation_id, session_id, turn_id,
         user_id, ai_character_document_id, message_status, outcome, stop_requested, is_deleted, is_superseded, created_at, updated_at)
       select '${key}m' || i, '${key}-m-' || i, case when i % 2 = 1 then 'user' else 'assistant' end, ?,
         case when i % 2 = 0 then ? || i end, '${key}-c-' || (1 + ${session}), ${Number(first)} + ${session}, '${turn},
         ${userId}, case when (${session}) % 2 = 0 then ? end, 'sent', case when i % 2 = 0 then 'completed' end, false, false, false, ${moment('i')}, ${moment('i')}
       from ${numbers(done + 1, Math.min(done + statementRows, messages))}`,
      [text, text, character ?? null],
    );
  }
  // PostgreSQL's autovacuum would do the same within a minute.
  if (database === 'postgres')
    for (const table of ['chat_sessions', 'chat_conversations']) await db.raw(`vacuum analyze ${table}`);
}
