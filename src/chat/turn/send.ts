import { ChatError, type RateLimit } from '../errors';
import { digestOf, fingerprintOf } from './idempotency';
import type { Idempotency, Question } from '../model/question';
import type { LiveTurn } from '../stream/live-turns';
import { createYield } from '../shared/yield-to-event-loop';
import type { Owner } from '../model/owner';
import type { TurnStore } from '../ports/turn-store';
import type { Follow, TurnAccess } from './access';
import type { Open } from './open';
import type { TerminalWireEvent } from '../contract/stream-event';

/** The result of sending a question. */
export interface Sent {
  readonly turnId: string;
  /** Whether an earlier send has started the turn, and this one joins it. */
  readonly isReplay: boolean;
  /** The state of the limit on questions per minute. Null without a limit, and for a replay, which is not counted. */
  readonly rateLimit: RateLimit | null;
  /**
   * Returns whether the saved answer replaces a text that other clients have got. Only an ended turn knows it: the
   * events of a running one show it.
   */
  wasTakenBack(): Promise<boolean>;
  /** Follows the turn's events: from the first one, or of a replay after the event that the client has. */
  readonly follow: Follow;
  /**
   * Waits for the end of the turn.
   * @returns the terminal event. Null if `signal` ended the wait, or the turn was deleted.
   */
  awaitEnd(signal: AbortSignal): Promise<TerminalWireEvent | null>;
}

/** A request that names its idempotency key. */
export interface KeyedRequest {
  readonly key: string;
  /** Two requests with equal JSON are the same. */
  readonly body: unknown;
}

interface Wanted {
  readonly toQuestion: () => Promise<Question>;
  /** The id of the last event that the client has. */
  readonly after: number;
}

export interface SendOptions {
  readonly store: TurnStore;
  readonly access: TurnAccess;
  readonly open: Open;
}

/**
 * Starts a turn, once for each idempotency key. The key is saved with the question. So a repeated send is recognised
 * after a restart and by other processes, until the question is deleted.
 */
export function createSend({ store, access, open }: SendOptions) {
  const sending = new Map<string, Promise<unknown>>();

  return { send, sendKeyed };

  async function send(question: Question, key: string | undefined, after = 0): Promise<Sent> {
    if (key === undefined) return toSent(await open(question, null));
    const idempotency = { key, fingerprint: fingerprintOf(question) };
    return sendInTurn(question.owner, idempotency, { toQuestion: async () => question, after });
  }

  function sendKeyed(
    owner: Owner,
    { key, body }: KeyedRequest,
    toQuestion: () => Promise<Question>,
  ): Promise<Sent> {
    return sendInTurn(owner, { key, fingerprint: digestOf(body) }, { toQuestion, after: 0 });
  }

  async function sendInTurn(owner: Owner, idempotency: Idempotency, wanted: Wanted): Promise<Sent> {
    const ownerAndKey = `${owner.id} ${idempotency.key}`;
    // Sends with the same key wait here, so that only the first counts against the user's limits. When it has ended,
    // another one may go first, so check again.
    while (sending.has(ownerAndKey)) await sending.get(ownerAndKey)?.catch(() => undefined);
    const pending = sendOnce(owner, idempotency, wanted);
    sending.set(ownerAndKey, pending);
    try {
      return await pending;
    } finally {
      sending.delete(ownerAndKey);
    }
  }

  async function sendOnce(
    owner: Owner,
    idempotency: Idempotency,
    { toQuestion, after }: Wanted,
  ): Promise<Sent> {
    const earlierTurnId = await findEarlier(owner, idempotency);
    if (earlierTurnId !== null) return joinTurn(access, owner, earlierTurnId, after);
    try {
      return toSent(await open(await toQuestion(), idempotency));
    } catch (error) {
      // Another process may have won a race for the key or the session. If it has used the key, join its turn.
      const winnersTurnId = await findEarlier(owner, idempotency);
      if (winnersTurnId === null) throw error;
      return joinTurn(access, owner, winnersTurnId, after);
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
}

/** Joins a turn that an earlier send has started. @throws ChatError `turn-not-found` */
export async function joinTurn(
  access: TurnAccess,
  owner: Owner,
  turnId: string,
  after: number,
): Promise<Sent> {
  return {
    turnId,
    isReplay: true,
    rateLimit: null,
    wasTakenBack: async () => (await access.find(owner, turnId)).saved[1].isTakenBack,
    follow: (await access.follow(owner, turnId, after)) ?? followNothing,
    awaitEnd: async (signal) => yieldIfLong(await access.awaitEnd(owner, turnId, signal)),
  };
}

/** The reply to a client that has all events. It is a stream, because clients of a POST expect one. */
const followNothing: Follow = async function* () {};

/** To serialize a longer answer into a reply blocks the event loop for a millisecond or more. */
const longAnswerChars = 100_000;
const ownIteration = createYield(1);

/** Gives each caller of a long answer an iteration of the event loop of its own, so that other requests run between. */
async function yieldIfLong<T extends TerminalWireEvent | null>(end: T): Promise<T> {
  const isLong =
    end?.event === 'message_end' && end.data.some(({ answer }) => (answer ?? '').length > longAnswerChars);
  if (isLong) await ownIteration();
  return end;
}

function toSent(turn: LiveTurn): Sent {
  return {
    turnId: turn.turnId,
    isReplay: false,
    rateLimit: turn.rateLimit,
    wasTakenBack: async () => false,
    follow: (signal, format) => turn.follow(0, signal, format),
    awaitEnd: async (signal) => yieldIfLong(await turn.awaitEnd(signal)),
  };
}
