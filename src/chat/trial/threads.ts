import { LRUCache } from 'lru-cache';

import type { Exchange } from '../ports/upstream';
import type { UpstreamConversation } from '../ports/unneeded-conversations';
import type { NamedUpstream } from '../ports/upstreams';

const maxThreads = 200;
const forgottenAfterMs = 3_600_000;
/** A thread keeps the newest exchanges. An upstream that keeps conversations has the others, too. */
const maxExchanges = 50;

/** The questions and answers of one trial so far. */
export interface TrialThread {
  conversationId(): string | null;
  /** Returns the upstream's id of the newest answer. */
  parentMessageId(): string | null;
  newestFirst(): AsyncIterable<Exchange>;
  add(exchange: Exchange, ids: Ids): void;
}

interface Ids {
  readonly conversationId: string | undefined;
  readonly messageId: string | undefined;
}

type Ended = Pick<UpstreamConversation, 'conversationId' | 'upstreamId'>;

export interface TrialThreads {
  /** Returns the thread of this name; a new one if there is none, or if another upstream answers now. */
  open(name: string, answering: NamedUpstream): TrialThread;
  clear(name: string): void;
}

/** Keeps threads in memory. A thread that nobody uses for an hour is forgotten. */
export function createThreads(onEnded: (conversation: Ended) => void): TrialThreads {
  const threads = new LRUCache<string, TrialThread & { readonly upstreamId: string }>({
    max: maxThreads,
    ttl: forgottenAfterMs,
    updateAgeOnGet: true,
    ttlAutopurge: false,
    dispose(thread) {
      const conversationId = thread.conversationId();
      if (conversationId !== null) onEnded({ conversationId, upstreamId: thread.upstreamId });
    },
  });
  return {
    open(name, { id, upstream }) {
      const known = threads.get(name);
      if (known !== undefined && known.upstreamId === id) return known;
      const thread = { ...createThread(upstream.keepsConversations), upstreamId: id };
      threads.set(name, thread);
      return thread;
    },
    clear: (name) => void threads.delete(name),
  };
}

function createThread(keepsConversations: boolean): TrialThread {
  const exchanges: Exchange[] = [];
  let conversation: string | null = null;
  let parent: string | null = null;
  return {
    conversationId: () => conversation,
    parentMessageId: () => parent,
    async *newestFirst() {
      yield* [...exchanges].reverse().filter(({ answer }) => answer !== '');
    },
    add(exchange, { conversationId, messageId }) {
      exchanges.push(exchange);
      if (exchanges.length > maxExchanges) exchanges.shift();
      if (!keepsConversations) return;
      conversation = conversationId ?? conversation;
      if (exchange.answer !== '') parent = messageId ?? parent;
    },
  };
}
