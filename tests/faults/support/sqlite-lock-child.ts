/**
 * Holds the write lock of a SQLite file, as another program would. It is a separate process, because the driver blocks
 * its process. The parent sends a number of milliseconds, and receives the same number after the lock is released.
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
