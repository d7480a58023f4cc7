import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { AbandonedTurn, Abandonment } from '../../chat';
import { agoIn, nowIn } from '../sql/clock';
import { isPending } from '../sql/is-pending';
import type { HolderState, ProcessLock } from '../locks/process-lock';
import { toFreeing } from '../sessions/claims';
import { statementsOf } from '../sql/statements';
import { inTransaction } from '../sql/transaction';

type Database = Core.Strapi['db'];

/** See `TurnStore.claimAbandoned`. */
export async function claimAbandoned(
  db: Database,
  lock: ProcessLock,
  abandonment: Abandonment,
): Promise<readonly AbandonedTurn[]> {
  const { leaseMs, isStart } = abandonment;
  const named = await findHolders(db, leaseMs);
  const others = named.flatMap(({ holder }) => (holder === null || holder === lock.holder() ? [] : [holder]));
  const states = others.length === 0 ? noStates : await lock.inspect(others, { isPatient: isStart });
  const those = (state: HolderState) => others.filter((holder) => states.get(holder) === state);
  const dead = those('dead');
  const missing = those('missing');
  // A living but silent process may have lost its database connection. At a start, it gets time to report again.
  const spared = isStart ? those('living') : [];
  const isAnySilent = named.some(({ holder, isSilent }) => isSilent && !spared.includes(holder ?? ''));
  const turns =
    dead.length + missing.length > 0 || isAnySilent
      ? await takeOver(db, lock, toCondition(db, { dead, missing, spared, leaseMs }))
      : [];
  if (leaseMs !== null) await freeOfDeleted(db);
  if (isStart || dead.length > 0) await lock.tidy(async () => namesOf(await findHolders(db, null)));
  return turns;
}

const noStates: ReadonlyMap<string, HolderState> = new Map();

interface NamedHolder {
  /** Null of turns that only their lease protects. */
  readonly holder: string | null;
  /** Whether one of its turns has been silent for longer than the lease. */
  readonly isSilent: boolean;
}

/** Finds the processes that run pending turns. Reads the index of pending answers, which are few. */
async function findHolders(db: Database, leaseMs: number | null): Promise<readonly NamedHolder[]> {
  const isSilent = leaseMs === null ? '0' : `max(case when ${isSilentSince(db, leaseMs)} then 1 else 0 end)`;
  const rows = (await db
    .connection('chat_conversations')
    .whereRaw(isPending)
    .groupBy('held_by')
    .select('held_by', db.connection.raw(`${isSilent} as silent`))) as {
    held_by: string | null;
    silent: number;
  }[];
  return rows.map(({ held_by: holder, silent }) => ({ holder, isSilent: Number(silent) > 0 }));
}

function namesOf(named: readonly NamedHolder[]): string[] {
  return named.flatMap(({ holder }) => holder ?? []);
}

/**
 * Returns SQL for "this turn has been silent for longer than the lease".
 * Turns from before `alive_at` existed have their process's time in `updated_at`.
 */
function isSilentSince(db: Database, leaseMs: number): string {
  return `coalesce(alive_at, updated_at) < ${agoIn(db, leaseMs)}`;
}

/**
 * A process that can reach this database but not the heartbeats reports its turns here once a second. This prevents that
 * others take its turns over.
 */
const missingSilentMs = 3_000;

type Condition = (answers: Knex.QueryBuilder) => void;

function toCondition(
  db: Database,
  {
    dead,
    missing,
    spared,
    leaseMs,
  }: {
    readonly dead: readonly string[];
    readonly missing: readonly string[];
    readonly spared: readonly string[];
    readonly leaseMs: number | null;
  },
): Condition {
  return (answers) => {
    void answers.whereRaw(isPending).where((either) => {
      void either.whereIn('held_by', dead);
      void either.orWhere((silent) => {
        void silent.whereIn('held_by', missing).whereRaw(isSilentSince(db, missingSilentMs));
      });
      if (leaseMs === null) return;
      void either.orWhere((silent) => {
        void silent.whereRaw(isSilentSince(db, leaseMs));
        void silent.where((holder) => void holder.whereNull('held_by').orWhereNotIn('held_by', spared));
      });
    });
  };
}

/** Takes the turns over and frees their sessions, which do not wait for the recovery of the answers. */
async function takeOver(
  db: Database,
  lock: ProcessLock,
  isAbandoned: Condition,
): Promise<readonly AbandonedTurn[]> {
  return inTransaction(db, async (trx) => {
    const answers = () => db.connection('chat_conversations').transacting(trx) as Knex.QueryBuilder;
    const sessions = () => db.connection('chat_sessions').transacting(trx) as Knex.QueryBuilder;
    const turnIdsOf = (rows: readonly AnswerRow[]) => rows.map(({ turn_id: turnId }) => turnId);
    const found = (await answers().modify(isAbandoned).select('id', 'turn_id')) as readonly AnswerRow[];
    // Lock the session before its messages, in the same order as the end of a turn. This avoids deadlocks.
    await sessions().whereIn('live_turn_id', turnIdsOf(found)).orderBy('id').modify(locking(db)).select('id');
    // Several processes may find the same turn. The condition gives it to one of them.
    const taken = (await answers()
      .whereIn('turn_id', turnIdsOf(found))
      .modify(isAbandoned)
      .orderBy('id')
      .modify(locking(db))
      .select('id', 'turn_id')) as readonly AnswerRow[];
    const ids = taken.map(({ id }) => id);
    await answers()
      .whereIn('id', ids)
      .update({
        held_by: lock.holder(),
        alive_at: db.connection.raw(nowIn(db)),
        takeovers: db.connection.raw('coalesce(takeovers, 0) + 1'),
        updated_at: new Date(),
      });
    await sessions().whereIn('live_turn_id', turnIdsOf(taken)).update({ live_turn_id: null });
    return selectTurns(db, trx, ids);
  });
}

interface AnswerRow {
  readonly id: number;
  readonly turn_id: string;
}

/**
 * Locks the rows that no other transaction has locked. A hanging process may hold a lock forever.
 * If this process waited for it, it could not renew the leases of its own turns.
 * SQLite locks the whole database when a transaction begins.
 */
function locking(db: Database): (rows: Knex.QueryBuilder) => void {
  return (rows) => void (db.dialect.client === 'postgres' && rows.forNoKeyUpdate().skipLocked());
}

interface AbandonedRow {
  readonly turn_id: string;
  readonly query: string;
  readonly answer: string | null;
  readonly message_id: string;
  readonly task_id: string | null;
  readonly conversation_id: string | null;
  readonly upstream: string | null;
  readonly takeovers: number;
  readonly created_at: Date | number | string;
  readonly owner_document_id: string | null;
}

async function selectTurns(
  db: Database,
  trx: Knex.Transaction,
  ids: readonly number[],
): Promise<readonly AbandonedTurn[]> {
  const columns = [
    'turn_id',
    'query',
    'answer',
    'message_id',
    'task_id',
    'conversation_id',
    'upstream',
    'takeovers',
    'created_at',
  ];
  const rows = (await db.connection
    .from({ a: 'chat_conversations' })
    .transacting(trx)
    .leftJoin({ u: 'up_users' }, 'u.id', 'a.user_id')
    .whereIn('a.id', ids)
    .orderBy('a.id')
    .select(
      ...columns.map((column) => `a.${column}`),
      'u.document_id as owner_document_id',
    )) as readonly AbandonedRow[];
  return rows.map(toAbandonedTurn);
}

/** Frees sessions whose turn has no pending answer, because an admin deleted the answer. */
async function freeOfDeleted(db: Database): Promise<void> {
  const found = (await db.connection
    .from({ s: 'chat_sessions' })
    .leftJoin({ a: 'chat_conversations' }, (join) => {
      join.on('a.turn_id', 's.live_turn_id').onVal('a.role', 'assistant').onVal('a.outcome', 'pending');
    })
    .whereNotNull('s.live_turn_id')
    .whereNull('a.id')
    .select('s.live_turn_id')) as { live_turn_id: string }[];
  for (const { live_turn_id: turnId } of found) await freeIfEnded(db, turnId);
}

async function freeIfEnded(db: Database, turnId: string): Promise<void> {
  await inTransaction(db, async (trx) => {
    const living: unknown = await db
      .connection('chat_conversations')
      .transacting(trx)
      .whereRaw(isPending)
      .where({ turn_id: turnId })
      .first('id');
    if (living !== undefined) return;
    await statementsOf(trx)(toFreeing([{ turnId }], new Date()));
  });
}

function toAbandonedTurn(row: AbandonedRow): AbandonedTurn {
  return {
    turnId: row.turn_id,
    ownerDocumentId: row.owner_document_id,
    query: row.query,
    createdAt: new Date(row.created_at),
    answer: row.answer ?? '',
    // Until Dify sends its task id, the message has an id that this application created.
    messageId: row.task_id === null ? undefined : row.message_id,
    conversationId: row.conversation_id,
    upstreamId: row.upstream,
    takeovers: row.takeovers,
  };
}
