import { createHash } from 'node:crypto';

/** The advisory locks of this database of the kind that one number names, and SQL for that number. */
export const isAdvisory =
  "locktype = 'advisory' and objsubid = 1 and granted and " +
  'database = (select oid from pg_database where datname = current_database())';
export const keyOfLock = '((classid::bigint << 32) | objid::bigint)';

/** The number of a lock, by its name: a hash, so that no other application takes it. */
export function keyOf(holder: string): string {
  return createHash('sha256').update(`character-chat ${holder}`).digest().readBigInt64BE().toString();
}
