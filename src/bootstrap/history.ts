import type { Core } from '@strapi/strapi';

import { describeError, settledWithin } from '../chat';
import { chatOf } from '../compose';
import { makeEarlierTurnsDue } from '../stores/history-backfill';

/** How long a stop waits for what is being made due. */
const lastBitMs = 5_000;

export interface RunningHistory {
  /** Settles when nothing of it touches a database any more. */
  stop(): Promise<void>;
}

/** Copies finished turns to the history from now on: those that end here and elsewhere, and those of before. */
export function startHistory(strapi: Core.Strapi): RunningHistory {
  const { history } = chatOf(strapi);
  if (history === null) return { stop: async () => undefined };
  const stopping = new AbortController();
  const backfilling = backfill(strapi, stopping.signal).then(history.wake);
  history.start();
  return {
    async stop() {
      stopping.abort();
      await Promise.all([settledWithin(lastBitMs, backfilling), history.stop()]);
    },
  };
}

/** Once in the life of the installation, behind everybody's back. What is not done when the process ends is done next time. */
async function backfill(strapi: Core.Strapi, signal: AbortSignal): Promise<void> {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  try {
    if ((await store.get({ key: 'history-backfilled' })) === true) return;
    if (await makeEarlierTurnsDue(strapi.db, signal)) {
      await store.set({ key: 'history-backfilled', value: true });
    }
  } catch (error) {
    strapi.log.error(`Turns of before the history are not all due yet: ${describeError(error)}`);
  }
}
