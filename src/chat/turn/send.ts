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

/** The result of sending a question. */
export interface Sent {
  readonly turnId: string;
  /** Whether an earlier send has started the turn, and this one only joins it. */
  readonly isReplay: boolean;
  /** The limit of questions per minute, after this one is counted. Null without a limit, and for a replay. */
  readonly rateLimit: RateLimit | null;
  /** Follows the turn's events from the first one. */
  readonly follow: Follow;
  /** @returns the terminal event. For a turn that does not run here: null if `signal` fires first or it is deleted. */
  awaitEnd(signal: AbortSignal): Promise<TerminalWireEvent | null>;
}

export interface SendOptions {
  readonly store: TurnStore;
  readonly access: TurnAccess;
  readonly open: Open;
}

/**
 * Starts a turn, once for each idempotency key. A key belongs to its owner and is saved with the question. So it works
 * across restarts and processes, as long as the question exists.
 */
export function createSend({ store, access, open }: SendOptions) {
  const sending = new Map<string, Promise<unknown>>();

  return async function send(question: Question, key: string | undefined): Promise<Sent> {
    if (key === undefined) return toSent(await open(question, null));
    const id = `${question.owner.id} ${key}`;
    // In this process, later sends wait for the first one. So they use no place and no turn of the user's limits.
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
      // If two processes send at the same time, one fails: the other has used the key or claimed the session.
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

/** From this length on, it takes a millisecond or more to put an answer into a reply. */
const longAnswerChars = 100_000;

/** Hands a long answer to its waiting callers one after another, so that other requests run in between. */
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
