import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { isChatErrorCode, type FinalOutcome, type Usage } from '../../chat';
import type { FinishedTurn, HistorySource } from '../../history';
import { characterOf } from '../characters/links';
import { createErasureQueue } from './erasures';
import type { Survey } from './survey';
import { parseJsonColumn } from '../sql/json-column';

type Database = Core.Strapi['db'];

export interface HistorySourceOptions {
  /** How long a claimed turn belongs to the process that claimed it. */
  readonly leaseMs?: number;
  /** How long a turn that the history refuses waits before the next try. Must be longer than the lease. */
  readonly setAsideMs?: number;
}

/** The count stops here. Operators need to see that many turns wait, not the exact number. */
const countedAtMost = 10_000;

/**
 * Creates the source of finished turns on Strapi's database.
 * `history_due` of an answer is the time from which a process may claim the turn.
 * It is null once the history has the turn.
 * Finding and counting due turns reads only one index.
 */
export function createHistorySource(
  db: Database,
  { makeMissingDue }: Survey,
  { leaseMs = 60_000, setAsideMs = 3_600_000 }: HistorySourceOptions = {},
): HistorySource {
  const { listErasures, settleErasure, countErasures } = createErasureQueue(db);
  const inMs = (ms: number) => new Date(Date.now() + ms);
  return {
    listErasures,
    settleErasure,
    async claimSome(limit) {
      const turns: FinishedTurn[] = [];
      // Orphans are dropped, so claim again to fill the batch. The caller takes a short batch for the last one.
      for (let isWhole = false; !isWhole && turns.length < limit;) {
        const rows = await selectTurns(db, await claim(db, limit - turns.length, inMs(leaseMs)));
        const finished = rows.flatMap((row) => toFinishedTurn(row) ?? []);
        await settleOrphans(db, rows);
        turns.push(...finished);
        isWhole = finished.length === rows.length;
      }
      return turns;
    },
    makeMissingDue,
    settle: (turnIds, identity) => setDue(db, turnIds, { history_due: null, history_store: identity }),
    release: (turnIds) => setDue(db, turnIds, { history_due: inMs(0) }),
    setAside: (turnId) => setDue(db, [turnId], { history_due: inMs(setAsideMs) }),
    findTurnOwners: (turnIds) => findOwners(db, 'chat_conversations', 'turn_id', turnIds),
    findSessionOwners: (sessionIds) => findOwners(db, 'chat_sessions', 'session_id', sessionIds),
    async backlog() {
      // Claimed turns count as waiting until they are settled. Turns that were set aside are due after the lease.
      const waiting = await countDue(db, (due) => due.where('history_due', '<=', inMs(leaseMs)));
      const aside = await countDue(db, (due) => due.where('history_due', '>', inMs(leaseMs)));
      return {
        turns: waiting.count,
        oldest: waiting.oldest,
        setAside: aside.count,
        erasures: await countErasures(),
      };
    },
  };
}

/** Claims due rows. If several processes claim at the same time, each row goes to one of them. */
async function claim(db: Database, limit: number, until: Date): Promise<readonly number[]> {
  // Read first, so that nothing is written when no turn is due. An SQLite write blocks all other work.
  const any: unknown = await db
    .connection('chat_conversations')
    .where('history_due', '<=', new Date())
    .first('id');
  if (any === undefined) return [];
  const due = 'select id from chat_conversations where history_due <= ? order by history_due limit ?';
  // `any(array(…))` makes PostgreSQL run the subquery once. It could otherwise run it per row and exceed the limit.
  const among =
    db.dialect.client === 'sqlite' ? `in (${due})` : `= any(array(${due} for update skip locked))`;
  const claimed = (await db
    .connection('chat_conversations')
    .whereRaw(`id ${among}`, [new Date(), limit])
    .update({ history_due: until }, ['id'])) as { id: number }[];
  return claimed.map(({ id }) => id);
}

/** A turn as the database returns it. SQLite returns dates as integers. */
interface TurnRow {
  readonly id: number;
  readonly turn_id: string | null;
  readonly session_id: string | null;
  readonly user_document_id: string | null;
  readonly character_id: string | null;
  readonly query: string;
  readonly answer: string | null;
  readonly outcome: FinalOutcome;
  readonly error_code: string | null;
  readonly usage: unknown;
  readonly model: string | null;
  readonly first_token_ms: number | null;
  readonly created_at: Date | number | string;
  readonly updated_at: Date | number | string;
  readonly ended_at: Date | number | string | null;
}

async function selectTurns(db: Database, ids: readonly number[]): Promise<readonly TurnRow[]> {
  if (ids.length === 0) return [];
  return (
    (await db.connection
      .from({ m: 'chat_conversations' })
      .leftJoin({ s: 'chat_sessions' }, 's.id', 'm.session_id')
      // The answer's row has an empty `query` after its question was deleted. The question's own row keeps the text.
      .leftJoin({ q: 'chat_conversations' }, (join) => {
        join.on('q.turn_id', 'm.turn_id').onVal('q.role', 'user');
      })
      .leftJoin({ u: 'up_users' }, 'u.id', 'm.user_id')
      .whereIn('m.id', ids)
      .orderBy('m.ended_at')
      .orderBy('m.id')
      .select(
        db.connection.raw('coalesce(q.query, m.query) as query'),
        ...['id', 'turn_id', 'answer', 'outcome', 'error_code', 'usage', 'model', 'first_token_ms'].map(
          (column) => `m.${column}`,
        ),
        ...['created_at', 'updated_at', 'ended_at'].map((column) => `m.${column}`),
        's.session_id',
        'u.document_id as user_document_id',
        db.connection.raw(`${characterOf('m')} as character_id`),
      )) as readonly TurnRow[]
  );
}

/** Returns null for an orphan: a turn whose user is deleted. */
function toFinishedTurn(row: TurnRow): FinishedTurn | null {
  if (row.turn_id === null || row.user_document_id === null) return null;
  return {
    turnId: row.turn_id,
    sessionId: row.session_id ?? row.turn_id,
    userDocumentId: row.user_document_id,
    characterId: row.character_id,
    query: row.query,
    answer: row.answer ?? '',
    outcome: row.outcome,
    errorCode: isChatErrorCode(row.error_code) ? row.error_code : null,
    usage: parseJsonColumn(row.usage) as Usage | null,
    model: row.model,
    firstTokenMs: row.first_token_ms,
    createdAt: new Date(row.created_at),
    endedAt: new Date(row.ended_at ?? row.updated_at),
  };
}

/** Removes orphans from the queue, because they are never copied. */
async function settleOrphans(db: Database, rows: readonly TurnRow[]): Promise<void> {
  const ids = rows.filter((row) => toFinishedTurn(row) === null).map(({ id }) => id);
  if (ids.length === 0) return;
  await db.connection('chat_conversations').whereIn('id', ids).update({ history_due: null });
}

/** Updates turns that still wait. Another process may have settled the others. Keeps `updated_at`: no text changes. */
async function setDue(
  db: Database,
  turnIds: readonly string[],
  columns: { readonly history_due: Date | null; readonly history_store?: string },
): Promise<void> {
  if (turnIds.length === 0) return;
  await db
    .connection('chat_conversations')
    .whereIn('turn_id', turnIds)
    .where({ role: 'assistant' })
    .whereNotNull('history_due')
    .update(columns);
}

async function countDue(
  db: Database,
  where: (due: Knex.QueryBuilder) => Knex.QueryBuilder,
): Promise<{ readonly count: number; readonly oldest: Date | null }> {
  const due = where(db.connection('chat_conversations'))
    .select('ended_at')
    .orderBy('history_due')
    .limit(countedAtMost)
    .as('due');
  const [row] = (await db.connection.from(due).count({ count: '*' }).min({ oldest: 'ended_at' })) as {
    count: number | string;
    oldest: Date | number | string | null;
  }[];
  const oldest = row?.oldest ?? null;
  return { count: Number(row?.count ?? 0), oldest: oldest === null ? null : new Date(oldest) };
}

async function findOwners(
  db: Database,
  table: 'chat_conversations' | 'chat_sessions',
  column: string,
  values: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (values.length === 0) return new Map();
  const rows = (await db.connection
    .from({ m: table })
    .join({ u: 'up_users' }, 'u.id', 'm.user_id')
    .whereIn(`m.${column}`, [...values])
    .select(`m.${column} as key`, 'u.document_id')) as { key: string; document_id: string }[];
  return new Map(rows.map((row) => [row.key, row.document_id]));
}
