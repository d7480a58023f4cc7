import type { Core } from '@strapi/strapi';
import {
  RateLimiterPostgres,
  RateLimiterRes,
  RateLimiterSQLite,
  type RateLimiterStoreAbstract,
} from 'rate-limiter-flexible';

import type { DayCounter, LimitSettings, MinuteCounter, RateLimit, UserCounters } from '../../chat';
import { queryDriver, type Value } from '../sql/statements';
import { unlessDone } from '../sql/unless-done';

type Database = Core.Strapi['db'];

/** Of ours and of the library's form, which writes to it by position. No content type: Strapi leaves it alone. */
const tableName = 'chat_limits';
const clearEveryMs = 300_000;
/** A window has passed for all only when the clock of every process says so. */
const otherClocksMs = 3_600_000;

/** Counts of users on Strapi's database, by its own connections: one row for each user and limit. */
export function createUserCounters(db: Database, limits: LimitSettings): UserCounters {
  const clearPassed = createClearing(db);
  const perMinute = (keyPrefix: string, points: number) =>
    points === 0 ? null : createMinuteCounter(db, { keyPrefix, points }, clearPassed);
  const perDay = (keyPrefix: string, points: number) =>
    points === 0 ? null : createDayCounter(db, { keyPrefix, points }, clearPassed);
  return {
    turnsPerMinute: perMinute('turns', limits.turnsPerMinute),
    tokensPerDay: perDay('tokens', limits.tokensPerDay),
    writesPerMinute: perMinute('writes', limits.writesPerMinute),
    charsPerDay: perDay('chars', limits.charsPerDay),
  };
}

/** Before the first count. Of two processes that start at once, one makes the table and the other finds it. */
export async function createCounterTable(db: Database): Promise<void> {
  const schema = () => db.getSchemaConnection();
  await unlessDone(
    () => schema().hasTable(tableName),
    () =>
      schema().createTable(tableName, (table) => {
        table.string('key', 255).primary();
        table.integer('points').notNullable().defaultTo(0);
        table.bigInteger('expire');
      }),
  );
}

/**
 * Gives the tokens of the day that an older version has counted by the ids of users to their documentIds: an import gives
 * the ids to others. Its turns of a minute are left to pass.
 */
export async function nameCountsByDocument(db: Database): Promise<void> {
  // DocumentIds begin with a letter.
  const any: unknown = await db
    .getConnection(tableName)
    .whereBetween('key', ['tokens:0', 'tokens:9999999999'])
    .first('key');
  if (any === undefined) return;
  // Not where another process has begun to count by documentId.
  await db.connection.raw(
    `update ${tableName} set key = (
       select 'tokens:' || u.document_id from up_users u where u.id = cast(substr(${tableName}.key, 8) as integer))
     where key in (
       select 'tokens:' || u.id from up_users u where not exists (
         select 1 from ${tableName} named where named.key = 'tokens:' || u.document_id))`,
  );
}

/** One limit of each user: what its rows begin with, and how much there is of it. */
interface Limit {
  readonly keyPrefix: string;
  readonly points: number;
}

/** A minute begins with the first that counts in it. */
function createMinuteCounter(db: Database, limit: Limit, clearPassed: () => void): MinuteCounter {
  const limiter = createLimiter(db, { ...limit, duration: 60 });
  return {
    async count(userDocumentId) {
      clearPassed();
      try {
        return { isAllowed: true, rateLimit: toRateLimit(limit, await limiter.consume(userDocumentId)) };
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) throw refused;
        return { isAllowed: false, rateLimit: toRateLimit(limit, refused) };
      }
    },
    async refund(userDocumentId) {
      await limiter.reward(userDocumentId);
    },
  };
}

/** A day is one of UTC. */
function createDayCounter(db: Database, limit: Limit, clearPassed: () => void): DayCounter {
  const limiter = createLimiter(db, { ...limit, duration: 86_400 });
  return {
    async read(userDocumentId) {
      const used = await limiter.get(userDocumentId);
      if (used !== null) return toRateLimit(limit, used);
      const { points } = limit;
      return { limit: points, remaining: points, resetAtMs: Date.now() + secondsToMidnight() * 1000 };
    },
    async add(userDocumentId, amount) {
      clearPassed();
      const customDuration = secondsToMidnight();
      return toRateLimit(limit, await limiter.penalty(userDocumentId, amount, { customDuration }));
    },
  };
}

function createLimiter(db: Database, limit: Limit & { readonly duration: number }): RateLimiterStoreAbstract {
  const options = {
    ...limit,
    tableName,
    tableCreated: true,
    // Of its own accord it would clear by a timer, of which an error ends the process.
    clearExpiredByTimeout: false,
    // Who was refused once is refused from memory for the rest of the window: it costs the database nothing.
    inMemoryBlockOnConsumed: limit.points + 1,
  };
  const schemaName = db.getSchemaName();
  return db.dialect.client === 'sqlite'
    ? new RateLimiterSQLite({ ...options, storeClient: db.connection, storeType: 'knex' })
    : new RateLimiterPostgres({
        ...options,
        ...(schemaName !== undefined && { schemaName }),
        storeClient: postgresPool(db),
        storeType: 'pool',
      });
}

interface PreparedQuery {
  readonly name?: string;
  readonly text: string;
  readonly values: readonly Value[];
}

/**
 * Strapi's connections as a pool of `pg`, for which the library would have `pg` make the promises: those keep a whole turn
 * in memory until a full collection (decision 25).
 */
function postgresPool(db: Database) {
  return {
    query: ({ name, text, values }: PreparedQuery) =>
      queryDriver(db, { sql: text, bindings: values, ...(name !== undefined && { options: { name } }) }),
  };
}

function toRateLimit({ points }: Limit, { remainingPoints, msBeforeNext }: RateLimiterRes): RateLimit {
  return { limit: points, remaining: remainingPoints, resetAtMs: Date.now() + msBeforeNext };
}

/** More than 0, which would mean to the library: for ever. */
function secondsToMidnight(): number {
  const now = new Date();
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1);
  return Math.ceil((midnight - now.getTime()) / 1000);
}

/** Clears rows of windows that have passed, now and then while there is something to count, and behind its back. */
function createClearing(db: Database): () => void {
  let nextMs = 0;
  return () => {
    const now = Date.now();
    if (now < nextMs) return;
    nextMs = now + clearEveryMs;
    // Nothing hangs on it: a row that has passed counts as none, and the next round takes it.
    db.getConnection(tableName)
      .where('expire', '<', now - otherClocksMs)
      .delete()
      .catch(() => undefined);
  };
}
