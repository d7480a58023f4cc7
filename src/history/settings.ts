import path from 'node:path';

import { z } from 'zod';

import { count, flag, withoutBlanks } from '../env/variables';
import { DsnError, parseDsn, type DatabaseAddress } from '../env/dsn';
import { HistoryProblem } from './model/problem';

/** How the store of the history is opened. */
export interface HistoryStoreSettings {
  readonly address: HistoryAddress;
  /** A table or partition for each day of UTC. */
  readonly dailyPartitions: boolean;
  readonly pool: PoolSettings;
}

export type HistoryAddress =
  | Exclude<DatabaseAddress, { kind: 'postgres' }>
  | {
      readonly kind: 'postgres';
      /** As `pg` takes it. */
      readonly connection: string | Readonly<Record<string, unknown>>;
      /** Made if it is missing; null: the one the login finds. */
      readonly schema: string | null;
    };

/** Connections to a server. SQLite has one, for good. */
export interface PoolSettings {
  /** How many are kept open while nothing is to be done. */
  readonly maxIdle: number;
  readonly maxOpen: number;
  /** After this a connection is replaced by a new one; 0: never. */
  readonly maxLifetimeMs: number;
}

/** The address of a database, in a variable. */
export const dsn = z.string().transform((text, context) => {
  try {
    return parseDsn(text);
  } catch (error) {
    if (!(error instanceof DsnError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

const schema = z.object({
  MES_SQL_DSN: dsn.optional(),
  MES_DAILY_PARTITION: flag(false),
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

/** The names of the variables, as `config/history.ts` reads them and `.env.example` explains them. */
export const historyStoreSettingNames = Object.keys(schema.shape);

/** What `config/history.ts` hands over beside the variables. */
const surroundings = z.object({
  /** Where relative paths begin. */
  folder: z.string(),
  /** The main database, whose neighbour the history is unless it is told otherwise. */
  mainDatabase: mainSchema,
});

/**
 * Checks what the environment says of the store of the history.
 *
 * @returns settings, or what is wrong with them, each problem naming its variable. It is not thrown: chatting goes on
 *   without a history.
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
 * A file or schema that is called after the main one, so that two installations do not share a history. Not the main
 * schema itself, whose tables Strapi takes all for its own.
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

/** PostgreSQL cuts longer names, and two of them could become the same. */
const maxNameBytes = 63;
