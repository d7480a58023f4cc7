import { ChatError, type RateLimit } from '../errors';
import { fingerprintOf } from './idempotency';
import type { Idempotency, Question } from '../model/question';
import type { LiveTurn } from '../stream/live-turns';
import { yieldToEventLoop } from '../shared/yield-to-event-loop';
import type { Owner } from '../model/owner';
import type { TurnStore } from '../ports/turn-store';
import type { Follow, TurnAccess } from './access';
import type { Open } from './open';
import type { TerminalWireEvent } from '../contract/stream-event';

/** What came of a client's question. */
export interface Sent {
  readonly turnId: string;
  /** Whether an earlier send had begun the turn already, and this one only joins it. */
  readonly isReplay: boolean;
  /** Of questions per minute, once this one is counted; null where there is none, or it was not counted again. */
  readonly rateLimit: RateLimit | null;
  /** The turn's events from the first one on. */
  readonly follow: Follow;
  /** @returns the terminal event; null when `signal` fires first, or the turn is deleted meanwhile. */
  awaitEnd(signal: AbortSignal): Promise<TerminalWireEvent | null>;
}

export interface SendOptions {
  readonly store: TurnStore;
  readonly access: TurnAccess;
  readonly open: Open;
}

/**
 * Starts a turn, once for each idempotency key. A key is its owner's and is kept with the question, so it holds across
 * restarts and processes, for as long as the question is there.
 */
export function createSend({ store, access, open }: SendOptions) {
  const sending = new Map<string, Promise<unknown>>();

  return async function send(question: Question, key: string | undefined): Promise<Sent> {
    if (key === undefined) return toSent(await open(question, null));
    const id = `${question.owner.id} ${key}`;
    // In this process the others wait for the first, so that they take no place and no turn of the user's limits.
    for (let first = sending.get(id); first !== undefined; first = sending.get(id)) {
      await first.catch(() => undefined);
    }
    const sent = sendOnce(question, { key, fingerprint: fingerprintOf(question) });
    sending.set(id, sent);
    try {
      return await sent;
    } finally {
      sending.delete(id);
    }
  };

  async function sendOnce(question: Question, idempotency: Idempotency): Promise<Sent> {
    const earlier = await findEarlier(question.owner, idempotency);
    if (earlier !== null) return join(question.owner, earlier);
    try {
      return toSent(await open(question, idempotency));
    } catch (error) {
      // Of two processes at once one is refused, by the key or by the session that the other has claimed.
      const winner = await findEarlier(question.owner, idempotency);
      if (winner === null) throw error;
      return join(question.owner, winner);
    }
  }

  /** @throws ChatError `idempotency-key-reused` */
  async function findEarlier(owner: Owner, { key, fingerprint }: Idempotency): Promise<string | null> {
    const sent = await store.findSent(owner, key);
    if (sent === null) return null;
    if (sent.fingerprint !== fingerprint) {
      throw new ChatError('idempotency-key-reused', { details: { turn_id: sent.turnId } });
    }
    return sent.turnId;
  }

  async function join(owner: Owner, turnId: string): Promise<Sent> {
    return {
      turnId,
      isReplay: true,
      rateLimit: null,
      follow: await access.follow(owner, turnId, 0),
      awaitEnd: async (signal) => inTurn(await access.awaitEnd(owner, turnId, signal)),
    };
  }
}

/** From here on, to put an answer into a reply takes a millisecond and more. */
const longAnswerChars = 100_000;

/** Gives a long answer to all who wait for it, but not to all at once: others come in between. */
async function inTurn<T extends TerminalWireEvent | null>(end: T): Promise<T> {
  const isLong =
    end?.event === 'message_end' && end.data.some(({ answer }) => (answer ?? '').length > longAnswerChars);
  if (isLong) await yieldToEventLoop();
  return end;
}

function toSent(turn: LiveTurn): Sent {
  return {
    turnId: turn.turnId,
    isReplay: false,
    rateLimit: turn.rateLimit,
    follow: (signal) => turn.follow(0, signal),
    awaitEnd: async () => inTurn(await turn.ended),
  };
}
