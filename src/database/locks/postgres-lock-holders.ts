import { setTimeout as pause } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';

import { isAdvisory, keyOf, keyOfLock } from './postgres-lock-key';
import type { HolderState, ProcessLock } from './process-lock';

type Database = Core.Strapi['db'];

/**
 * A lock is free if its process died or its connection broke.
 * In the second case, the process takes the lock again or removes its name from its turns within this time.
 */
const certainAfterMs = 3_000;
const lookEveryMs = 100;

/** @param name the name of this process. It counts as living, also without its lock. */
export function createHolderWatch(db: Database, name: string): ProcessLock['inspect'] {
  const freeSince = new Map<string, number>();

  return async function inspect(holders, { isPatient }) {
    for (;;) {
      const states = await look(holders);
      if (!isPatient || ![...states.values()].includes('unknown')) return states;
      await pause(lookEveryMs);
    }
  };

  async function look(holders: readonly string[]): Promise<ReadonlyMap<string, HolderState>> {
    const held = await findHeld(db, holders).catch((error: unknown) => {
      // All locks are free while the database is unreachable, so earlier results are useless.
      freeSince.clear();
      throw error;
    });
    for (const holder of freeSince.keys()) if (!holders.includes(holder)) freeSince.delete(holder);
    return new Map(holders.map((holder) => [holder, stateOf(holder, held.has(holder))]));
  }

  function stateOf(holder: string, isHeld: boolean): HolderState {
    if (isHeld || holder === name) {
      freeSince.delete(holder);
      return 'living';
    }
    const nowMs = performance.now();
    const sinceMs = freeSince.get(holder) ?? nowMs;
    freeSince.set(holder, sinceMs);
    return nowMs - sinceMs >= certainAfterMs ? 'dead' : 'unknown';
  }
}

async function findHeld(db: Database, holders: readonly string[]): Promise<ReadonlySet<string>> {
  const byKey = new Map(holders.map((holder) => [keyOf(holder), holder]));
  const rows = (await db.connection
    .from('pg_locks')
    .whereRaw(`${isAdvisory} and ${keyOfLock} = any(?::bigint[])`, [[...byKey.keys()]])
    .select({ key: db.connection.raw(`${keyOfLock}::text`) })) as { readonly key: string }[];
  return new Set(rows.map(({ key }) => byKey.get(key) ?? ''));
}
