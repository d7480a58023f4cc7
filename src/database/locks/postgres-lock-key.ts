import { createHash } from 'node:crypto';

/** SQL condition for advisory locks of this database that have one 64-bit key. `keyOfLock` is SQL for that key. */
export const isAdvisory =
  "locktype = 'advisory' and objsubid = 1 and granted and " +
  'database = (select oid from pg_database where datname = current_database())';
export const keyOfLock = '((classid::bigint << 32) | objid::bigint)';

/** Returns the key of a lock. It is a hash of the name, so that no other application uses the same key. */
export function keyOf(holder: string): string {
  return createHash('sha256').update(`character-chat ${holder}`).digest().readBigInt64BE().toString();
}
