import path from 'node:path';

import { z } from 'zod';

import { count, flag, withoutBlanks } from '../env/variables';
import { DsnError, parseDsn, type DatabaseAddress } from '../env/dsn';
import { createCalendar } from './calendar';
import { HistoryProblem } from './model/problem';

/** How to open the store of the history. */
export interface HistoryStoreSettings {
  readonly address: HistoryAddress;
  /** Whether each day has its own table or partition. */
  readonly dailyPartitions: boolean;
  /** The time zone of days. It never changes for a store. */
  readonly timeZone: string;
  readonly pool: PoolSettings;
  /** Whether opening fails for a database without a history, instead of creating one. */
  readonly mustExist?: boolean;
}

export type HistoryAddress =
  | Exclude<DatabaseAddress, { kind: 'postgres' }>
  | {
      readonly kind: 'postgres';
      /** In the format of `pg`. */
      readonly connection: string | Readonly<Record<string, unknown>>;
      /** The store creates it if it is missing. Null uses the default schema of the login. */
      readonly schema: string | null;
    };

/** Connections to a server. SQLite has one permanent connection. */
export interface PoolSettings {
  /** Number of idle connections that stay open. */
  readonly maxIdle: number;
  readonly maxOpen: number;
  /** Age at which a new connection replaces this one; 0 disables this. */
  readonly maxLifetimeMs: number;
}

/** Schema of a variable that contains a database address. */
export const dsn = z.string().transform((text, context) => {
  try {
    return parseDsn(text);
  } catch (error) {
    if (!(error instanceof DsnError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

const isTimeZone = (text: string) => createCalendar(text) !== undefined;

const schema = z.object({
  MES_SQL_DSN: dsn.optional(),
  MES_DAILY_PARTITION: flag(false),
  MES_TIME_ZONE: z.string().refine(isTimeZone, 'must be an IANA name, e.g. Asia/Shanghai').default('UTC'),
  SQL_MAX_IDLE_CONNS: count(2, 10_000, 0),
  SQL_MAX_OPEN_CONNS: count(10, 10_000),
  SQL_MAX_LIFETIME: count(60, 31_536_000, 0),
});

const mainSchema = z.union([
  z.object({ client: z.literal('sqlite'), connection: z.object({ filename: z.string() }) }),
  z.object({
    client: z.literal('postgres'),
    connection: z.looseObject({ schema: z.string().default('public') }),
  }),
]);

/** The names of the variables that `config/history.ts` reads and `.env.example` explains. */
export const historyStoreSettingNames = Object.keys(schema.shape);

/** Values that `config/history.ts` passes in addition to the variables. */
const surroundings = z.object({
  /** Base folder of relative paths. */
  folder: z.string(),
  /** The main database. The default place of the history is next to it. */
  mainDatabase: mainSchema,
});

/**
 * Checks the environment variables of the history store.
 *
 * @returns settings, or their problems, each with the name of its variable. It does not throw, because the chat works
 * without a history.
 */
export function parseHistoryStoreSettings(config: unknown): HistoryStoreSettings | HistoryProblem {
  const { folder, mainDatabase } = surroundings.parse(config);
  const result = schema.safeParse(withoutBlanks(config));
  if (!result.success) {
    const problems = result.error.issues.map(({ path: name, message }) => `${name.join('.')} ${message}.`);
    return new HistoryProblem('bad-settings', { detail: problems.join(' ') });
  }
  const variables = result.data;
  const address =
    variables.MES_SQL_DSN === undefined
      ? besideMain(mainDatabase)
      : toHistoryAddress(variables.MES_SQL_DSN, folder);
  if (address instanceof HistoryProblem) return address;
  return {
    address,
    dailyPartitions: variables.MES_DAILY_PARTITION,
    timeZone: variables.MES_TIME_ZONE,
    pool: {
      maxIdle: Math.min(variables.SQL_MAX_IDLE_CONNS, variables.SQL_MAX_OPEN_CONNS),
      maxOpen: variables.SQL_MAX_OPEN_CONNS,
      maxLifetimeMs: variables.SQL_MAX_LIFETIME * 1000,
    },
  };
}

function toHistoryAddress(address: DatabaseAddress, folder: string): HistoryAddress {
  if (address.kind === 'sqlite') return { ...address, filename: path.resolve(folder, address.filename) };
  if (address.kind === 'mysql') return address;
  return { kind: 'postgres', connection: address.connectionString, schema: null };
}

/**
 * Returns a file or schema named after the main one, so that two installations do not share a history. It never
 * returns the main schema, because Strapi treats all tables there as its own.
 */
function besideMain(main: z.infer<typeof mainSchema>): HistoryAddress | HistoryProblem {
  if (main.client === 'sqlite') {
    return { kind: 'sqlite', filename: `${main.connection.filename.replace(/\.db$/u, '')}.history.db` };
  }
  const { connection } = main;
  const schema = connection.schema === 'public' ? 'history' : `${connection.schema}_history`;
  if (Buffer.byteLength(schema) > maxNameBytes) {
    const detail =
      'The name in DATABASE_SCHEMA is too long for the history to be called after it. Set MES_SQL_DSN.';
    return new HistoryProblem('bad-settings', { detail });
  }
  return { kind: 'postgres', connection, schema };
}

/** PostgreSQL cuts longer names, and two cut names could be equal. */
const maxNameBytes = 63;
