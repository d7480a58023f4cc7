import { setImmediate as breathe } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';

/** Numbers of rows that one statement looks at: a few milliseconds of SQLite, for which all others wait. */
const bitSize = 1_000;

/**
 * Makes turns due that ended before there was a history, bit by bit. One that has its `ended_at` has been due already,
 * so to begin again, or to do it in two processes at once, does no harm.
 * @returns whether all is done; not, if `signal` fired before.
 */
export async function makeEarlierTurnsDue(
  db: Core.Strapi['db'],
  signal: AbortSignal,
  size = bitSize,
): Promise<boolean> {
  const rows = () => db.connection('chat_conversations');
  const [last] = (await rows().max({ id: 'id' })) as { id: number | null }[];
  const lastId = last?.id ?? 0;
  for (let from = 0; from < lastId; from += size) {
    if (signal.aborted) return false;
    await rows()
      .where('id', '>', from)
      .where('id', '<=', from + size)
      .where({ role: 'assistant' })
      .whereNotNull('turn_id')
      .whereNull('ended_at')
      .whereIn('outcome', ['completed', 'stopped', 'interrupted', 'failed'])
      .update({
        ended_at: db.connection.ref('updated_at'),
        history_due: db.connection.ref('updated_at'),
      });
    await breathe();
  }
  return true;
}
