import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { fillCharacterTexts, unnamedUser, type Character, type CharacterSource } from '../../chat';
import { numberCharacters } from './numbers';
import { parseJsonColumn } from '../sql/json-column';
import { partsOf } from '../sql/parts';
import { isRowId } from '../sql/row-id';
import { toUpstreamChoice, upstreamColumns, type UpstreamColumns } from './upstream-choice';
import { versionTable } from './versions/table';

type Database = Core.Strapi['db'];

interface CharacterRow extends UpstreamColumns {
  readonly document_id: string;
  /** Null for a character that came by an import or by SQL, until `numberCharacters` sets it. */
  readonly numeric_id: number | null;
  readonly name: string | null;
  readonly prompt: string | null;
  readonly introduce: string | null;
  readonly opening_statement: string | null;
  readonly suggested_questions: unknown;
  /** Null until the bootstrap has kept the versions of an earlier release. */
  readonly version: number | null;
}

interface ListedRow {
  readonly document_id: string;
  readonly name: string | null;
  readonly created_at: Date | string | number | null;
}

/**
 * Creates the source of characters on Strapi's database.
 * It reads content only from the published row, so users cannot see a draft.
 * @param namesUsers whether texts keep `{{user}}`, for `nameUser`.
 */
export function createCharacterSource(db: Database, namesUsers = false): CharacterSource {
  const user = namesUsers ? unnamedUser : undefined;
  const readNumbered = createRead(db, user);
  return {
    async findPublished(reference) {
      const named = isRowId(reference)
        ? { 'd.numeric_id': Number(reference) }
        : { 'd.document_id': reference };
      const [character] = await readNumbered((rows) =>
        rows.where(named).whereNotNull('p.id').where(isEnabled).limit(1),
      );
      return character ?? null;
    },
    async listPublished() {
      const rows = (await db.connection
        .from({ d: 'ai_characters' })
        .join({ p: 'ai_characters' }, 'p.document_id', 'd.document_id')
        .whereNull('d.published_at')
        .whereNotNull('p.published_at')
        .where(isEnabled)
        .orderBy('d.id')
        .select('d.document_id', 'p.name', 'd.created_at')) as ListedRow[];
      return rows.map(({ document_id: documentId, name, created_at }) => ({
        documentId,
        name,
        createdAt: new Date(created_at ?? 0),
      }));
    },
    async findForDisplay(documentIds) {
      const characters: Character[] = [];
      for (const some of partsOf(documentIds)) {
        characters.push(...(await readNumbered((rows) => rows.whereIn('d.document_id', some))));
      }
      return new Map(characters.map((character) => [character.documentId, character]));
    },
  };
}

/** Null is the value of rows from earlier releases, until the next start. */
const isEnabled = (rows: Knex.QueryBuilder) => void rows.where('p.enabled', true).orWhereNull('p.enabled');

/** A publish keeps its version in the same transaction, so the newest version is the published row. */
const newestVersion = `(select max(version) from ${versionTable} where document_id = p.document_id)`;

type CharacterRows = Knex.QueryBuilder<CharacterRow, CharacterRow[]>;

/** @param user the word for `{{user}}`. */
function createRead(db: Database, user: string | undefined) {
  return async (which: (rows: CharacterRows) => CharacterRows): Promise<Character[]> => {
    let rows = await which(selectCharacters(db));
    if (rows.some((row) => row.numeric_id === null)) {
      await numberCharacters(db);
      rows = await which(selectCharacters(db));
    }
    return rows.flatMap((row) => toCharacter(row, user) ?? []);
  };
}

/** Selects characters: `d` is the draft row, `p` is the published row if it exists. */
function selectCharacters(db: Database): CharacterRows {
  return db.connection
    .from({ d: 'ai_characters' })
    .leftJoin({ p: 'ai_characters' }, (join) => {
      join.on('p.document_id', 'd.document_id').onNotNull('p.published_at');
    })
    .whereNull('d.published_at')
    .select(
      'd.document_id',
      'd.numeric_id',
      'p.name',
      'p.prompt',
      'p.introduce',
      'p.opening_statement',
      'p.suggested_questions',
      ...upstreamColumns.map((column) => `p.${column}`),
      db.connection.raw(`${newestVersion} as version`),
    ) as CharacterRows;
}

function toCharacter({ numeric_id: id, ...row }: CharacterRow, user: string | undefined): Character | null {
  if (id === null) return null;
  const suggested_questions = parseJsonColumn(row.suggested_questions);
  const texts = fillCharacterTexts({ ...row, suggested_questions }, user);
  return {
    documentId: row.document_id,
    id,
    name: row.name,
    prompt: texts.prompt,
    introduce: texts.introduce,
    openingStatement: texts.opening_statement,
    suggestedQuestions: texts.suggested_questions,
    upstream: toUpstreamChoice(row),
    version: row.version,
  };
}
