import { AsyncResource } from 'node:async_hooks';

import type {
  UnneededConversation,
  UnneededConversations,
  UpstreamConversation,
} from '../ports/unneeded-conversations';
import { ChatError } from '../errors';
import type { Upstream } from '../ports/upstream';
import type { Upstreams } from '../ports/upstreams';
import { upstreamIdOf } from '../model/session';
import { describeError, type Log } from '../shared/log';
import { settledWithin } from '../shared/settled-within';

/** Deletes conversations in the upstream whose sessions are erased here. It runs in the background. */
export interface ConversationCleanup {
  /** Starts now, and then runs once a minute. */
  start(): void;
  /** Runs soon, because a session was erased. Does nothing before `start`. Call it after the commit. */
  wake(): void;
  /** Adds a conversation, unless a session has it, and runs soon. Never rejects. */
  add(conversation: UpstreamConversation): Promise<void>;
  /** Ends the running request. Settles when it does not use the database any more. Waits at most five seconds. */
  stop(): Promise<void>;
}

export interface ConversationCleanupOptions {
  readonly store: UnneededConversations;
  readonly upstreams: Pick<Upstreams, 'find'>;
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>;
}

const everyMs = 60_000;
const lastRoundMs = 5_000;
/** After these failures in a row, an upstream waits for the next round: it is probably away, and each takes seconds. */
const maxFailures = 3;
/** With the pauses of the store, this is about a week. */
export const maxTries = 175;

export function createConversationCleanup(options: ConversationCleanupOptions): ConversationCleanup {
  const { store, upstreams, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const tryDelete = createDeletion({ store, upstreams, log, signal });
  let timer: NodeJS.Timeout | undefined;
  let round: Promise<void> | undefined;
  let isStarted = false;
  let isWoken = false;
  // `wake` can be called with the transaction of its caller in the asynchronous context. A round must not run in it.
  const begin = AsyncResource.bind(() => {
    round = run();
  });
  return {
    start() {
      isStarted = true;
      runAfter(0);
    },
    wake,
    async add(conversation) {
      try {
        await store.add(conversation);
        wake();
      } catch (error) {
        log.warn(`A conversation to delete in an upstream could not be saved: ${describeError(error)}`);
      }
    },
    async stop() {
      stopping.abort();
      clearTimeout(timer);
      if (round !== undefined) await settledWithin(lastRoundMs, round);
    },
  };

  function wake(): void {
    if (!isStarted) return;
    if (round === undefined) runAfter(0);
    else isWoken = true;
  }

  function runAfter(ms: number): void {
    clearTimeout(timer);
    if (!signal.aborted) timer = setTimeout(begin, ms);
  }

  async function run(): Promise<void> {
    isWoken = false;
    await deleteAll().catch((error: unknown) => {
      if (signal.aborted) return;
      log.warn(`The list of conversations to delete could not be used: ${describeError(error)}`);
    });
    round = undefined;
    runAfter(isWoken ? 0 : everyMs);
  }

  async function deleteAll(): Promise<void> {
    const failures = createFailures();
    while (!signal.aborted) {
      const conversation = await store.claim(failures.tooMany());
      if (conversation === null || signal.aborted) return;
      failures.count(conversation, await tryDelete(conversation));
    }
  }
}

type DeletionParts = Pick<ConversationCleanupOptions, 'store' | 'upstreams' | 'log'> & {
  readonly signal: AbortSignal;
};

/** Returns a function that deletes a conversation in its upstream. The result is whether it is deleted. */
function createDeletion({ store, upstreams, log, signal }: DeletionParts) {
  /** The upstreams whose last deletion failed. Only the first failure is logged. */
  const failing = new Set<string>();

  return async function tryDelete(conversation: UnneededConversation): Promise<boolean> {
    const { id, conversationId, user, tries } = conversation;
    const name = upstreamIdOf(conversation.upstreamId);
    try {
      const upstream = await findUpstream(upstreams, conversation);
      await upstream.deleteConversation(conversationId, user, signal);
    } catch (error) {
      if (signal.aborted) return false;
      if (!failing.has(name))
        log.warn(`"${name}" did not delete a conversation: ${describeError(error)}. It is tried again.`);
      failing.add(name);
      if (tries + 1 < maxTries) return false;
      log.error(`"${name}" did not delete conversation ${conversationId} for a week. Delete it there.`);
      await store.settle(id);
      return false;
    }
    // The next process tries again and finds that the upstream does not have it.
    if (signal.aborted) return true;
    if (failing.delete(name)) log.info(`"${name}" deletes conversations again.`);
    await store.settle(id);
    return true;
  };
}

/** Counts failures in a row of each upstream, so that one that is away does not hold up the others. */
function createFailures() {
  const failures = new Map<string, number>();
  return {
    count({ upstreamId }: UnneededConversation, isDeleted: boolean): void {
      const id = upstreamIdOf(upstreamId);
      failures.set(id, isDeleted ? 0 : (failures.get(id) ?? 0) + 1);
    },
    /** Returns the ids of the upstreams with too many failures. */
    tooMany: (): string[] => [...failures].flatMap(([id, count]) => (count < maxFailures ? [] : id)),
  };
}

/** @throws ChatError `upstream-misconfigured` if the settings or the key of the upstream are missing. */
async function findUpstream(
  upstreams: Pick<Upstreams, 'find'>,
  { upstreamId }: UnneededConversation,
): Promise<Upstream> {
  const upstream = await upstreams.find(upstreamId);
  if (upstream === null) throw new ChatError('upstream-misconfigured');
  return upstream;
}
