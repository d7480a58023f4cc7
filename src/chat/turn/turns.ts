import { ChatError } from '../errors';
import type { Owner } from '../model/owner';
import type { Question } from '../model/question';
import type { SavedTurn } from '../model/turn';
import type { LiveTurn } from '../stream/live-turns';
import { createTurnAccess, type TurnAccess } from './access';
import { createDrain } from './drain';
import { createOpen } from './open';
import type { TurnOptions } from './options';
import { createRescue } from './rescue';
import { createSend, type Sent } from './send';
import { createTakeover } from './takeover';

export interface Turns extends TurnAccess {
  /**
   * Saves the question and starts answering it. Whoever asked may leave: the answer is read to its end and saved.
   * @throws ChatError `character-not-found`, `character-without-prompt`, `session-not-found`, `invalid-request` (the
   *   session is with another character), `turn-in-progress`, `server-stopping`, and those of the `TurnLimits`. Nothing
   *   is saved then, and Dify hears of nothing.
   */
  start(question: Question): Promise<LiveTurn>;

  /**
   * `start`, once for each idempotency key of an owner: a further send with the same key and question joins the turn
   * that the first has begun, running or ended.
   * @throws ChatError as `start`, and `idempotency-key-reused` when the key stands for another question.
   */
  send(question: Question, idempotencyKey: string | undefined): Promise<Sent>;

  /**
   * Asks the question of a turn again, whatever came of it: a further turn at the end of its session. The answers there
   * are stay.
   * @param request.inputs the app's own variables, which are not kept.
   * @throws ChatError as `send`, and `turn-not-found`.
   */
  regenerate(owner: Owner, turnId: string, request: RegenerateRequest): Promise<Sent>;

  /**
   * Starts nothing new from now on, gives running turns `timeoutMs`, then ends them as interrupted. Settles when all ends
   * are saved; what cannot be by then, as the database is away, is left pending for the next process. A database that
   * says nothing is waited for five seconds longer.
   */
  drain(timeoutMs: number): Promise<void>;
  isDraining(): boolean;

  /**
   * Takes on the turns of processes that died, before this one serves anybody: their sessions are free when it settles.
   * What becomes of the answers is found out in the background. Never rejects.
   */
  takeOver(): Promise<void>;

  /**
   * To be called every `heartbeatMs` from then on. Says that this process's turns are alive, and takes on the turns of
   * others that died, unless it is draining. Never rejects.
   */
  heartbeat(): Promise<void>;
  readonly heartbeatMs: number;
}

export interface RegenerateRequest {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly idempotencyKey: string | undefined;
}

export function createTurns(options: TurnOptions): Turns {
  const rescue = createRescue(options);
  const drain = createDrain({ live: options.live, stopRescue: rescue.stop });
  const takeover = createTakeover({ ...options, rescue, isDraining: drain.isDraining });
  const access = createTurnAccess(options);
  const open = createOpen(options, drain);
  const send = createSend({ store: options.store, access, open });
  return {
    ...access,
    start: (question) => open(question, null),
    send,
    async regenerate(owner, turnId, { inputs, idempotencyKey }) {
      const { saved } = await access.find(owner, turnId);
      return send({ ...toSameQuestion(saved), owner, inputs }, idempotencyKey);
    },
    drain: drain.drain,
    isDraining: drain.isDraining,
    takeOver: takeover.begin,
    heartbeat: takeover.beat,
    heartbeatMs: takeover.everyMs,
  };
}

function toSameQuestion([question, answer]: SavedTurn): Omit<Question, 'owner' | 'inputs'> {
  if (answer.characterId === null) throw new ChatError('character-not-found');
  return {
    characterId: answer.characterId,
    query: question.query,
    session: { sessionId: answer.sessionId ?? undefined },
    // All versions of a question name the first one.
    regenerates: question.parentMessageId ?? question.messageId,
  };
}
