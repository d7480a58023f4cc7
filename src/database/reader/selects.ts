import type { Knex } from 'knex';

/** What runs a select of ours beside the other work of the process. */
export interface Selects {
  /** @throws the reason of `signal` once it has ended, or what the database says. */
  run(
    select: Knex.QueryBuilder,
    signal: AbortSignal,
    interruptedAt: string | undefined,
  ): Promise<readonly unknown[]>;
  close(): Promise<void>;
}
