import path from 'node:path';

import { z } from 'zod';

import { count, withoutBlanks } from '../variables';
import { DsnError, parseDsn, type DatabaseAddress } from './dsn';
import { HistoryProblem } from './history-problem';

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

const dsn = z.string().transform((text, context) => {
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
  MES_DAILY_PARTITION: z.stringbool('has to be true or false').default(false),
  SQL_MAX_IDLE_CONNS: count(2, 10_000, 0),
  SQL_MAX_OPEN_CONNS: count(10, 10_000),
  SQL_MAX_LIFETIME: count(60, 31_536_000, 0),
});

const main = z.union([
  z.object({ client: z.literal('sqlite'), connection: z.object({ filename: z.string() }) }),
  z.object({ client: z.literal('postgres'), connection: z.record(z.string(), z.unknown()) }),
]);

/** The names of the variables, as `config/history.ts` reads them and `.env.example` explains them. */
export const historyStoreSettingNames = Object.keys(schema.shape);

/** What `config/history.ts` hands over beside the variables. */
const surroundings = z.object({
  /** Where relative paths begin. */
  folder: z.string(),
  /** The main database, whose neighbour the history is unless it is told otherwise. */
  mainDatabase: main,
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
  return {
    address:
      variables.MES_SQL_DSN === undefined
        ? besideMain(mainDatabase)
        : toHistoryAddress(variables.MES_SQL_DSN, folder),
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

/** A schema of its own on PostgreSQL: Strapi takes every table of its own schema for its own. */
function besideMain({ client, connection }: z.infer<typeof main>): HistoryAddress {
  return client === 'sqlite'
    ? { kind: 'sqlite', filename: path.join(path.dirname(connection.filename), 'history.db') }
    : { kind: 'postgres', connection, schema: 'history' };
}
