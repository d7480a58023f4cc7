import type { UnneededConversation, UnneededConversations } from '../ports/unneeded-conversations';
import type { Upstream } from '../ports/upstream';
import { describeError, type Log } from '../shared/log';
import { settledWithin } from '../shared/settled-within';

/** Deletes conversations in Dify whose sessions are erased here. It runs in the background. */
export interface ConversationCleanup {
  /** Starts now, and then runs once a minute. */
  start(): void;
  /** Runs soon, because a session was erased. Does nothing before `start`. */
  wake(): void;
  /** Settles when it does not use the database any more. Waits at most five seconds. */
  stop(): Promise<void>;
}

export interface ConversationCleanupOptions {
  readonly store: UnneededConversations;
  readonly upstream: Pick<Upstream, 'deleteConversation'>;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

const everyMs = 60_000;
const lastRoundMs = 5_000;
/** A round ends after these failures: Dify is probably unreachable, and each failure takes some seconds. */
const maxFailures = 3;
/** With the pauses of the store, this is about a week. */
export const maxTries = 175;

export function createConversationCleanup(options: ConversationCleanupOptions): ConversationCleanup {
  const { store, upstream, log } = options;
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> | undefined;
  let isStarted = false;
  let isFailing = false;
  return {
    start() {
      isStarted = true;
      runAfter(0);
    },
    wake() {
      if (isStarted && round === undefined) runAfter(0);
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      if (round !== undefined) await settledWithin(lastRoundMs, round);
    },
  };

  function runAfter(ms: number): void {
    clearTimeout(timer);
    if (stopping.signal.aborted) return;
    timer = setTimeout(() => {
      round = run();
    }, ms);
  }

  async function run(): Promise<void> {
    await deleteAll().catch((error: unknown) => {
      log.warn(`Conversations to delete in Dify could not be read: ${describeError(error)}`);
    });
    round = undefined;
    runAfter(everyMs);
  }

  async function deleteAll(): Promise<void> {
    for (let failures = 0; failures < maxFailures && !stopping.signal.aborted;) {
      const conversation = await store.claim();
      if (conversation === null) return;
      if (!(await isDeleted(conversation))) failures += 1;
    }
  }

  async function isDeleted({ id, conversationId, user, tries }: UnneededConversation): Promise<boolean> {
    try {
      await upstream.deleteConversation(conversationId, user);
    } catch (error) {
      if (!isFailing)
        log.warn(`Dify did not delete a conversation: ${describeError(error)}. It is tried again.`);
      isFailing = true;
      if (tries + 1 < maxTries) return false;
      log.error(`Dify did not delete conversation ${conversationId} for a week. Delete it in Dify.`);
      await store.settle(id);
      return false;
    }
    if (isFailing) log.info('Dify deletes conversations again.');
    isFailing = false;
    await store.settle(id);
    return true;
  }
}
