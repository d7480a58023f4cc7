import type { Knex } from 'knex';

import { holdsWithin } from './until';

/** PostgreSQL: waits until a statement on sessions waits for a lock. @param other a connection that is not blocked. */
export async function untilSessionIsWaitedFor(other: Knex): Promise<void> {
  const waiting =
    "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%chat_sessions%'";
  expect(await holdsWithin(10_000, async () => (await other.raw(waiting)).rows.length > 0)).toBe(true);
}
