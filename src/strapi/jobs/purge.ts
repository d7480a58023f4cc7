import type { Core } from '@strapi/strapi';

import { describeError, settledWithin } from '../../chat';
import { chatOf } from '../../app';
import { pruneAudit } from '../../database/audit/audit';
import { pruneTrials } from '../../database/trials/prune';
import { pruneUpstreamKeys } from '../../database/upstreams/keys';

export interface Purging {
  /** Settles when it does not use the database any more. Waits at most five seconds for a database that hangs. */
  stop(): Promise<void>;
}

const onceADayMs = 86_400_000;
const lastRoundMs = 5_000;

/**
 * Erases data that was deleted too long ago to be restored, API keys that nothing needs, old entries of the audit log,
 * and old trials. It runs now, in the background, and then once a day.
 * Several processes may do this at the same time.
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
    if (signal.aborted) return;
    await chatOf(strapi).trials.clearIdle();
    // After the messages and the trials, because each of them can name an upstream.
    const keys = await pruneUpstreamKeys(strapi.db);
    if (keys > 0) strapi.log.info(`Purged ${keys} API keys that nothing names any more.`);
    const { auditRetentionDays, trialRetentionDays } = chatOf(strapi).settings;
    const entries = await pruneAudit(strapi.db, auditRetentionDays, signal);
    if (entries > 0) strapi.log.info(`Purged ${entries} entries of the audit log.`);
    const trials = await pruneTrials(strapi.db, trialRetentionDays, signal);
    if (trials > 0) strapi.log.info(`Purged ${trials} trials of characters.`);
  } catch (error) {
    // The next round handles the rest.
    strapi.log.error(`Deleted sessions and messages could not be purged: ${describeError(error)}`);
  }
}
