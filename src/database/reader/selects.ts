import type { Knex } from 'knex';

/** Runs selects without blocking the other work of the process. */
export interface Selects {
  /** Runs a select. @throws the reason of `signal` once it has fired, or the error of the database. */
  run(
    select: Knex.QueryBuilder,
    signal: AbortSignal,
    interruptedAt: string | undefined,
  ): Promise<readonly unknown[]>;
  close(): Promise<void>;
}
