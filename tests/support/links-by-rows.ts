import type { Knex } from 'knex';

import { database } from './database';

const tables = ['chat_sessions', 'chat_conversations'];

/** Links sessions and messages to a character's draft row, like versions before `ai_character_document_id`. */
export async function linkByRows(db: Knex, documentId: string): Promise<void> {
  const draft = await db('ai_characters').where({ document_id: documentId, published_at: null }).first('id');
  for (const table of tables) {
    await db(table)
      .where({ ai_character_document_id: documentId })
      .update({ ai_character_document_id: null, ai_character_id: draft.id });
  }
}

/** Counts the sessions and messages that link to a row of the character. */
export async function rowLinksOf(db: Knex, documentId: string): Promise<number> {
  const rows = db('ai_characters').where({ document_id: documentId }).select('id');
  const counts = tables.map((table) => db(table).whereIn('ai_character_id', rows).count({ n: '*' }).first());
  return (await Promise.all(counts)).reduce((sum, row) => sum + Number(row?.['n']), 0);
}

/** Makes the database refuse to move the links, so that they stay old. @returns a function that undoes it. */
export async function refuseToFill(db: Knex): Promise<() => Promise<void>> {
  if (database === 'sqlite') {
    await db.raw(`create trigger not_now before update of ai_character_id on chat_sessions
      begin select raise(abort, 'Not now.'); end`);
    return () => db.raw('drop trigger not_now');
  }
  await db.raw(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'Not now.'; end $$`);
  await db.raw(`create trigger not_now before update of ai_character_id on chat_sessions
    for each row execute function refuse()`);
  return () => db.raw('drop trigger not_now on chat_sessions');
}
