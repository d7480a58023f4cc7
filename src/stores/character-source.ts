import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { Character, CharacterSource } from '../chat';
import { parseJsonColumn } from './json-column';
import { isRowId } from './row-id';

type Database = Core.Strapi['db'];

interface CharacterRow {
  readonly link_id: number;
  readonly document_id: string;
  readonly id: number | null;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly introduce: string | null;
  readonly opening_statement: string | null;
  readonly suggested_questions: unknown;
}

/** Characters on Strapi's database. Content is read from the published row only, so no draft can get out this way. */
export function createCharacterSource(db: Database): CharacterSource {
  return {
    async findPublished(reference) {
      const query = selectCharacters(db).whereNotNull('p.id');
      if (isRowId(reference)) {
        void query.whereIn(
          'd.document_id',
          db
            .connection('ai_characters')
            .select('document_id')
            .where({ id: Number(reference) }),
        );
      } else {
        void query.where('d.document_id', reference);
      }
      const row = await query.first();
      return row === undefined ? null : toCharacter(row);
    },
    async findForDisplay(linkIds) {
      if (linkIds.length === 0) return new Map();
      const rows = await selectCharacters(db).whereIn('d.id', linkIds);
      return new Map(rows.map((row) => [row.link_id, toCharacter(row)]));
    },
    async findByDocumentId(documentIds) {
      const characters = new Map<string, Character>();
      // SQLite takes a bounded number of parameters.
      for (let done = 0; done < documentIds.length; done += 500) {
        const rows = await selectCharacters(db).whereIn('d.document_id', documentIds.slice(done, done + 500));
        for (const row of rows) characters.set(row.document_id, toCharacter(row));
      }
      return characters;
    },
  };
}

/** `d` is the draft row, which messages link to; `p` the published one, if there is any. */
function selectCharacters(db: Database): Knex.QueryBuilder<CharacterRow, CharacterRow[]> {
  return db.connection
    .from({ d: 'ai_characters' })
    .leftJoin({ p: 'ai_characters' }, (join) => {
      join.on('p.document_id', 'd.document_id').onNotNull('p.published_at');
    })
    .whereNull('d.published_at')
    .select(
      { link_id: 'd.id' },
      'd.document_id',
      'p.id',
      'p.name',
      'p.prompt',
      'p.introduce',
      'p.opening_statement',
      'p.suggested_questions',
    ) as Knex.QueryBuilder<CharacterRow, CharacterRow[]>;
}

function toCharacter(row: CharacterRow): Character {
  return {
    linkId: row.link_id,
    id: row.id,
    documentId: row.document_id,
    name: row.name,
    prompt: row.prompt,
    introduce: row.introduce,
    openingStatement: row.opening_statement,
    suggestedQuestions: parseJsonColumn(row.suggested_questions),
  };
}
