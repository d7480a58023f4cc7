import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { After } from '../../chat';
import { isMainRow } from '../characters/locales';
import { containsText } from '../messages/filter-sql';
import { messagesAlone } from '../messages/rows';
import { said } from '../messages/search';
import type { Reader } from '../reader/reader';
import { userNamed, whereMatches, type ConversationFilter } from './filter';
import { selectHits, selectSummaries, toSummary, type ConversationSummary } from './summary';
import { selectLines, toLine, type TranscriptLine } from './transcript';

type Database = Core.Strapi['db'];

/** The place of a session in the list. */
export interface Place {
  readonly lastMessageAt: Date;
  readonly rowId: number;
}

export interface Hit extends ConversationSummary {
  readonly messageId: number;
  readonly text: string;
}

export interface Hits {
  readonly hits: readonly Hit[];
  /** The `before` of the next search; null if no messages are left. */
  readonly next: number | null;
}

interface Reading {
  /** The administrator who reads. */
  readonly adminId: number;
  readonly signal?: AbortSignal | undefined;
}

interface ListRequest extends Reading {
  readonly filter: ConversationFilter;
  readonly after: Place | null;
  readonly limit: number;
}

interface SearchRequest extends Reading {
  readonly filter: ConversationFilter;
  readonly text: string;
  /** Searches only messages with a smaller id. */
  readonly before: number;
  readonly limit: number;
}

/** Conversations of all users, for administrators. It shows nothing that its user has deleted. */
export interface Conversations {
  /** Lists sessions, the latest message first. Reads with two statements. */
  list(request: ListRequest): Promise<readonly ConversationSummary[]>;
  /** Searches one window of messages, the newest first. Reads with three statements. */
  search(request: SearchRequest): Promise<Hits>;
  find(sessionId: string): Promise<ConversationSummary | null>;
  listLines(sessionRowId: number, after: After, reading: Reading): Promise<readonly TranscriptLine[]>;
  /** Lists characters by the name of their draft, each once. Returns at most 500. */
  listCharacters(): Promise<readonly { readonly documentId: string; readonly name: string }[]>;
}

/** How many messages one search reads: SQLite needs about 0.2 s for them. */
const windowRows = 200_000;
const maxCharacters = 500;

export function createConversations(db: Database, reader: Reader): Conversations {
  return {
    async list(request) {
      const ids = (await listIds(db, reader, request)).map(({ id }) => id);
      return findSummaries(db, ids);
    },
    search: (request) => search(db, reader, request),
    async find(sessionId) {
      const [row] = await selectSummaries(db).where('s.session_id', sessionId).limit(1);
      return row === undefined ? null : toSummary(row);
    },
    async listLines(sessionRowId, after, { adminId, signal }) {
      const lines = selectLines(db, sessionRowId, after);
      return (await reader.rows<Parameters<typeof toLine>[0]>(ownerOf(adminId), lines, { signal })).map(
        toLine,
      );
    },
    async listCharacters() {
      const rows = (await db.connection
        .from({ d: 'ai_characters' })
        .whereNotNull('d.name')
        .whereNull('d.published_at')
        .whereRaw(isMainRow('d'))
        .orderBy('d.name')
        .limit(maxCharacters)
        .select('d.document_id', 'd.name')) as { document_id: string; name: string }[];
      return rows.map(({ document_id: documentId, name }) => ({ documentId, name }));
    },
  };
}

/** Administrators wait in the reader's queues like users. Ids below zero do not collide with those of users. */
const ownerOf = (adminId: number) => ({ id: -adminId });

async function listIds(
  db: Database,
  reader: Reader,
  { filter, after, limit, adminId, signal }: ListRequest,
): Promise<readonly { readonly id: number }[]> {
  const page = db.connection.from({ s: 'chat_sessions' }).select('s.id') as Knex.QueryBuilder;
  whereMatches(db, page, filter);
  // Every session has this time since its first message. The databases sort nulls differently.
  void page.whereNotNull('s.last_message_at');
  if (after !== null)
    void page.whereRaw('(s.last_message_at, s.id) < (?, ?)', [after.lastMessageAt, after.rowId]);
  void page
    .orderBy([
      { column: 's.last_message_at', order: 'desc' },
      { column: 's.id', order: 'desc' },
    ])
    .limit(limit);
  return reader.rows(ownerOf(adminId), page, { signal, interruptedAt: 's.id' });
}

async function findSummaries(db: Database, ids: readonly number[]): Promise<readonly ConversationSummary[]> {
  if (ids.length === 0) return [];
  const rows = await selectSummaries(db).whereIn('s.id', [...ids]);
  const byId = new Map(rows.map((row) => [row.id, toSummary(row)]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}

async function search(
  db: Database,
  reader: Reader,
  { filter, text, before, limit, adminId, signal }: SearchRequest,
): Promise<Hits> {
  const owner = ownerOf(adminId);
  const end = await findEnd(db, reader, { filter, before, adminId, signal });
  const dialect = db.dialect.client === 'sqlite' ? 'sqlite' : 'postgres';
  const contains = containsText(said, text, { dialect, ignoreCase: true });
  const found = ofUser(messagesAlone(db), filter)
    .join({ s: 'chat_sessions' }, 's.id', 'm.session_id')
    .where('m.id', '<', before)
    .where('m.id', '>=', end ?? 0)
    .where('m.is_deleted', false)
    .whereRaw(contains.sql, [...contains.bindings])
    .groupBy('m.session_id')
    .orderBy('hit_id', 'desc')
    .limit(limit)
    .max({ hit_id: 'm.id' }) as Knex.QueryBuilder;
  whereMatches(db, found, filter);
  const rows = await reader.rows<{ readonly hit_id: number }>(owner, found, {
    signal,
    interruptedAt: 'm.id',
  });
  const ids = rows.map((row) => row.hit_id);
  const hits = ids.length === 0 ? [] : await selectHits(db, ids);
  return {
    hits: hits.map((row) => ({ ...toSummary(row), messageId: row.hit_id, text: row.hit_text ?? '' })),
    // A full page continues inside the window.
    next: ids.length === limit ? (ids.at(-1) ?? null) : end,
  };
}

/** Finds the oldest message of the window. Returns null if the window reaches the first message. */
async function findEnd(
  db: Database,
  reader: Reader,
  { filter, before, adminId, signal }: Pick<SearchRequest, 'filter' | 'before' | 'adminId' | 'signal'>,
): Promise<number | null> {
  const last = ofUser(messagesAlone(db), filter)
    .where('m.id', '<', before)
    .orderBy('m.id', 'desc')
    .offset(windowRows)
    .limit(1)
    .select('m.id');
  const [row] = await reader.rows<{ readonly id: number }>(ownerOf(adminId), last, { signal });
  return row === undefined ? null : row.id + 1;
}

/** Messages of one user have an index. */
function ofUser(messages: Knex.QueryBuilder, { user }: ConversationFilter): Knex.QueryBuilder {
  if (user === undefined) return messages;
  const { sql, values } = userNamed(user);
  return messages.whereRaw(`m.user_id = ${sql}`, [...values]);
}
