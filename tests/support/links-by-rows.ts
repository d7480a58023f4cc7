import type { Knex } from 'knex';

const tables = ['chat_sessions', 'chat_conversations'];

/** Has sessions and messages link to a character's draft row, as they did before `ai_character_document_id`. */
export async function linkByRows(db: Knex, documentId: string): Promise<void> {
  const draft = await db('ai_characters').where({ document_id: documentId, published_at: null }).first('id');
  for (const table of tables) {
    await db(table)
      .where({ ai_character_document_id: documentId })
      .update({ ai_character_document_id: null, ai_character_id: draft.id });
  }
}

/** How many of them link to its rows. */
export async function rowLinksOf(db: Knex, documentId: string): Promise<number> {
  const rows = db('ai_characters').where({ document_id: documentId }).select('id');
  const counts = tables.map((table) => db(table).whereIn('ai_character_id', rows).count({ n: '*' }).first());
  return (await Promise.all(counts)).reduce((sum, row) => sum + Number(row?.['n']), 0);
}
