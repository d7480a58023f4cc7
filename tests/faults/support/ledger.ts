import type { Knex } from 'knex';

import type { Client } from '../../support/client';
import { toTelling } from './asking';
import { findViolations, type Asked, type SavedRow, type Telling, type Violation } from './checker';
import type { RawConnection } from './raw-client';
import type { Upstream } from './upstream';

/** Records what users ask and what they receive during faults. The checker uses it. */
export interface Ledger {
  /** Call it before the question is sent. */
  asks(query: string, user: Client): void;
  /** Call it after the connection has ended. The connection must have started with the first event of the turn. */
  told(query: string, connection: RawConnection): void;
  /** The process was killed, possibly while it answered these questions. */
  killed(queries: Iterable<string>): void;
  tellings(query: string): readonly Telling[];
  queries(): readonly string[];
  /** Questions for which a client received a turn id, which promises that they are saved. */
  acknowledged(): readonly string[];
  /** Compares with the database. No turn may be running. */
  check(db: Knex, upstream: Upstream): Promise<readonly Violation[]>;
}

export function createLedger(): Ledger {
  const asked = new Map<string, Asked & { readonly tellings: Telling[] }>();
  const of = (query: string) => {
    const one = asked.get(query);
    if (one === undefined) throw new Error(`No user asked: ${query}`);
    return one;
  };
  return {
    asks(query, user) {
      if (!asked.has(query)) asked.set(query, { query, userId: user.user.id, tellings: [] });
    },
    told: (query, connection) => void of(query).tellings.push(toTelling(connection)),
    killed(queries) {
      for (const query of queries) asked.set(query, { ...of(query), wasKilled: true });
    },
    tellings: (query) => of(query).tellings,
    queries: () => [...asked.keys()],
    acknowledged: () =>
      [...asked.values()]
        .filter(({ tellings }) => tellings.some(({ turnIds }) => turnIds.length > 0))
        .map(({ query }) => query),
    async check(db, upstream) {
      const columns = ['turn_id', 'role', 'query', 'answer', 'outcome', 'user_id'] as const;
      const saved: SavedRow[] = await db('chat_conversations')
        .select(...columns)
        .orderBy('id');
      return findViolations({ asked: [...asked.values()], saved, upstream: upstream.answers() });
    },
  };
}
