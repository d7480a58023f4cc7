/**
 * Holds the write lock of a SQLite file, as another program would: a process of its own, since the driver blocks the one
 * it runs in. Its parent names the milliseconds, and is answered with the same number when the lock is free again.
 */
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';

import knex from 'knex';

async function main(): Promise<void> {
  const filename = process.argv[2] ?? '';
  const database = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true });
  await database.raw('select 1');
  process.send?.('ready');
  for (;;) {
    const [word] = (await once(process, 'message')) as [unknown];
    if (word === 'end') break;
    await database.raw(Number(word) % 2 === 0 ? 'begin immediate' : 'begin exclusive');
    await pause(Number(word));
    await database.raw('rollback');
    process.send?.(word);
  }
  await database.destroy();
  process.disconnect();
}

void main();
