import type { Core } from '@strapi/strapi';
import {
  RateLimiterPostgres,
  RateLimiterRes,
  RateLimiterSQLite,
  type RateLimiterStoreAbstract,
} from 'rate-limiter-flexible';

import type { DayCounter, LimitSettings, MinuteCounter, RateLimit, UserCounters } from '../../chat';
import { queryDriver, type Value } from '../sql/statements';
import { createTable } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/**
 * Our own table with the columns of rate-limiter-flexible, which inserts by position.
 * The table is no content type, so Strapi does not change it.
 */
const tableName = 'chat_limits';
const clearEveryMs = 300_000;
/** Clocks of processes differ. A window is cleared when it has passed on all clocks. */
const otherClocksMs = 3_600_000;

/** Creates the counters of users on Strapi's database and connections. Each user and limit has one row. */
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

/**
 * Creates the table. The server calls this before the first count.
 * If two processes start at the same time, one creates the table and the other finds it.
 */
export async function createCounterTable(db: Database): Promise<void> {
  await createTable(db, tableName, (table) => {
    table.string('key', 255).primary();
    table.integer('points').notNullable().defaultTo(0);
    table.bigInteger('expire');
  });
}

/**
 * Renames daily token counts of an older version from user ids to documentIds.
 * An import can give a user id to another user. The counts of a minute keep their keys, because they expire soon.
 */
export async function nameCountsByDocument(db: Database): Promise<void> {
  // DocumentIds begin with a letter, so keys with a digit are user ids.
  const any: unknown = await db
    .getConnection(tableName)
    .whereBetween('key', ['tokens:0', 'tokens:9999999999'])
    .first('key');
  if (any === undefined) return;
  // Skips a user for whom another process already counts by documentId.
  await db.connection.raw(
    `update ${tableName} set key = (
       select 'tokens:' || u.document_id from up_users u where u.id = cast(substr(${tableName}.key, 8) as integer))
     where key in (
       select 'tokens:' || u.id from up_users u where not exists (
         select 1 from ${tableName} named where named.key = 'tokens:' || u.document_id))`,
  );
}

/** One limit: the prefix of its keys, and how many points each user has. */
interface Limit {
  readonly keyPrefix: string;
  readonly points: number;
}

/** Creates a counter per minute. A user's minute begins with the first request in it. */
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

/** Creates a counter per UTC day. */
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
    // The library clears expired rows by a timer. An error in that timer would end the process.
    clearExpiredByTimeout: false,
    // After the first refusal, the library refuses from memory for the rest of the window, without the database.
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

/** Returns Strapi's connections in the form of a `pg` pool, which the library expects. */
function postgresPool(db: Database) {
  return {
    query: ({ name, text, values }: PreparedQuery) =>
      queryDriver(db, { sql: text, bindings: values, ...(name !== undefined && { options: { name } }) }),
  };
}

function toRateLimit({ points }: Limit, { remainingPoints, msBeforeNext }: RateLimiterRes): RateLimit {
  return { limit: points, remaining: remainingPoints, resetAtMs: Date.now() + msBeforeNext };
}

/** Returns the seconds until midnight UTC. The result is never 0, because 0 means "never expires" to the library. */
function secondsToMidnight(): number {
  const now = new Date();
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1);
  return Math.ceil((midnight - now.getTime()) / 1000);
}

/** Returns a function that deletes rows of past windows in the background, at most every `clearEveryMs`. */
function createClearing(db: Database): () => void {
  let nextMs = 0;
  return () => {
    const now = Date.now();
    if (now < nextMs) return;
    nextMs = now + clearEveryMs;
    // A failure is harmless: an expired row does not count, and the next run deletes it.
    db.getConnection(tableName)
      .where('expire', '<', now - otherClocksMs)
      .delete()
      .catch(() => undefined);
  };
}
