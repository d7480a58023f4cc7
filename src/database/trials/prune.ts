import type { Core } from '@strapi/strapi';

import { comparisonKeptMs } from './comparisons';
import { comparisonTable, trialTable } from './tables';

type Database = Core.Strapi['db'];

/** Rows that one statement removes. SQLite blocks other work meanwhile. */
const prunedAtOnce = 1_000;

/**
 * Removes trials that are older than this many days, and outdated comparisons. End idle threads first, so that no
 * conversation stays in an upstream. @returns how many trials.
 */
export async function pruneTrials(db: Database, retentionDays: number, signal: AbortSignal): Promise<number> {
  await db
    .connection(comparisonTable)
    .where('started', '<', Date.now() - comparisonKeptMs)
    .delete();
  const outdatedMs = Date.now() - retentionDays * 86_400_000;
  let removed = 0;
  while (!signal.aborted) {
    const old = db.connection(trialTable).where('at', '<', outdatedMs).orderBy('at').limit(prunedAtOnce);
    const count = await db.connection(trialTable).whereIn('id', old.select('id')).delete();
    removed += count;
    if (count < prunedAtOnce) break;
  }
  return removed;
}
