import { createHash } from 'node:crypto';

/** The advisory locks of this database of the kind that one number names, and SQL for that number. */
export const isAdvisory =
  "locktype = 'advisory' and objsubid = 1 and granted and " +
  'database = (select oid from pg_database where datname = current_database())';
export const keyOfLock = '((classid::bigint << 32) | objid::bigint)';

/** The number of a holder's lock. No other application takes it: names are random, and this is a hash of them. */
export function keyOf(holder: string): string {
  return createHash('sha256').update(`character-chat ${holder}`).digest().readBigInt64BE().toString();
}
