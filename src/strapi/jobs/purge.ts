import type { Core } from '@strapi/strapi';

import { describeError, settledWithin } from '../../chat';
import { chatOf } from '../../app';

export interface Purging {
  /** Settles when nothing of it touches the database any more. One that hangs is waited for five seconds. */
  stop(): Promise<void>;
}

const onceADayMs = 86_400_000;
const lastRoundMs = 5_000;

/**
 * Erases what was deleted too long ago to be restored: now, behind the caller's back, and once a day. Several processes
 * may do so at the same time.
 */
export function startPurging(strapi: Core.Strapi): Purging {
  const stopping = new AbortController();
  let round = purge(strapi, stopping.signal);
  const timer = setInterval(() => {
    round = round.then(() => purge(strapi, stopping.signal));
  }, onceADayMs);
  return {
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await settledWithin(lastRoundMs, round);
    },
  };
}

async function purge(strapi: Core.Strapi, signal: AbortSignal): Promise<void> {
  try {
    const { sessions, messages } = await chatOf(strapi).ownData.purge(signal);
    if (sessions + messages > 0) strapi.log.info(`Purged ${sessions} sessions and ${messages} messages.`);
  } catch (error) {
    // The next round takes what is left.
    strapi.log.error(`What was deleted could not be purged: ${describeError(error)}`);
  }
}
