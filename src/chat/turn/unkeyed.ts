import { randomUUID } from 'node:crypto';

import type { Owner } from '../model/owner';
import type { Question } from '../model/question';
import type { TurnStore } from '../ports/turn-store';
import type { TurnAccess } from './access';
import { digestOf } from './idempotency';
import { joinTurn, type Sent } from './send';

/** The request of a client that has no idempotency keys, and repeats a request whose reply it has lost. */
export interface UnkeyedRequest {
  /** The API that the client uses, e.g. `openai`. */
  readonly api: string;
  /** Two requests with equal JSON are the same. */
  readonly body: unknown;
  /** Whether the client says that it sends the request again. */
  readonly isRetry: boolean;
}

export interface UnkeyedOptions {
  readonly store: Pick<TurnStore, 'findNewestSent'>;
  readonly access: TurnAccess;
  readonly send: (question: Question, key: string) => Promise<Sent>;
}

/** A retry joins a turn of at most this age. OpenAI's clients wait ten minutes for a reply. */
const retryMs = 900_000;

/**
 * Sends questions of clients that have no idempotency keys. Each question gets a key that begins with the digest of
 * its request. A retry joins the newest turn with that beginning, running or completed. After a failure it asks anew.
 */
export function createSendUnkeyed({ store, access, send }: UnkeyedOptions) {
  const sending = new Map<string, Promise<Sent>>();

  /** @param toQuestion is not called for a retry that joins a turn. */
  return async function sendUnkeyed(
    owner: Owner,
    { api, body, isRetry }: UnkeyedRequest,
    toQuestion: () => Promise<Question>,
  ): Promise<Sent> {
    const start = `${api}-${digestOf(body)}-`;
    const ownerAndStart = `${owner.id} ${start}`;
    if (isRetry) {
      // The first request may still be checking its question.
      await sending.get(ownerAndStart)?.catch(() => undefined);
      const earlier = await findEarlier(owner, start);
      if (earlier !== null) return joinTurn(access, owner, earlier, 0);
    }
    const pending = toQuestion().then((question) => send(question, `${start}${randomUUID()}`));
    sending.set(ownerAndStart, pending);
    try {
      return await pending;
    } finally {
      if (sending.get(ownerAndStart) === pending) sending.delete(ownerAndStart);
    }
  };

  /** Returns the id of the turn that a retry joins, or null. */
  async function findEarlier(owner: Owner, start: string): Promise<string | null> {
    const earlier = await store.findNewestSent(owner, start);
    if (earlier === null) return null;
    const [, { outcome, createdAt }] = earlier;
    const isJoinable = outcome === 'pending' || outcome === 'completed';
    return isJoinable && Date.now() - createdAt.getTime() < retryMs ? earlier[1].turnId : null;
  }
}
