import { ChatError } from '../errors';
import type { Owner } from '../model/owner';
import type { Question } from '../model/question';
import type { SavedTurn } from '../model/turn';
import type { LiveTurn } from '../stream/live-turns';
import { createTurnAccess, type TurnAccess } from './access';
import { createDrain } from './drain';
import { createOpen } from './open';
import type { TurnOptions } from './options';
import { createRescue } from './recovery/rescue';
import { createSend, type KeyedRequest, type Sent } from './send';
import { createTakeover } from './recovery/takeover';
import { createSendUnkeyed, type UnkeyedRequest } from './unkeyed';

export interface Turns extends TurnAccess {
  /**
   * Saves the question and starts to answer it. The client may disconnect: the server still reads and saves the
   * answer.
   * @throws ChatError `character-not-found`, `character-without-prompt`, `session-not-found`, `invalid-request` (the
   *   session is with another character), `turn-in-progress`, `server-stopping`, and those of the `TurnLimits`. Then
   *   the server saves nothing and sends nothing to the upstream.
   */
  start(question: Question): Promise<LiveTurn>;

  /**
   * Does the same as `start`, but once for each idempotency key of an owner. Another send with the same key and
   * question joins the first turn, whether that runs or has ended.
   * @param after the id of the last event that the client has of that turn; 0 for none.
   * @throws ChatError as `start`, and `idempotency-key-reused` if the key was used for another question.
   */
  send(question: Question, idempotencyKey: string | undefined, after?: number): Promise<Sent>;

  /**
   * Does the same for a request whose question depends on the session. A repeated request is known by its body.
   * @param toQuestion makes the question. It is not called for a request that joins a turn.
   */
  sendKeyed(owner: Owner, request: KeyedRequest, toQuestion: () => Promise<Question>): Promise<Sent>;

  /**
   * Does the same for a client without idempotency keys. Its retry joins the turn of the lost request.
   * @param toQuestion makes the question. It is not called for a retry that joins a turn.
   */
  sendUnkeyed(owner: Owner, request: UnkeyedRequest, toQuestion: () => Promise<Question>): Promise<Sent>;

  /**
   * Asks the question of a turn again, whatever its outcome. This adds a turn at the end of the session. Earlier
   * answers stay. An upstream with branches continues before that question, so the lines since then are superseded. If
   * the new turn ends early without a text, they are in use again.
   * @param request.inputs values for the variables of the Dify app. The first ones were not saved.
   * @throws ChatError as `send`, and `turn-not-found`.
   */
  regenerate(owner: Owner, turnId: string, request: RegenerateRequest): Promise<Sent>;

  /**
   * Accepts turns for `delayMs` more, so that load balancers can move clients. Then refuses new turns, gives running
   * turns `timeoutMs`, and ends them as interrupted. Settles when all ends are saved, at the latest five seconds after
   * that. Turns that cannot be saved by then, e.g. while the database is unavailable, stay pending for the next process.
   */
  drain(timeoutMs: number, delayMs?: number): Promise<void>;
  /** Returns whether `drain` was called. Load balancers must then send clients to other processes. */
  isDraining(): boolean;
  /** Returns whether the delay of `drain` has passed, and so new turns are refused. */
  refusesTurns(): boolean;

  /**
   * Takes over the turns of processes that died. Call it before this process serves clients. When it settles, the
   * sessions of these turns are free. The server looks for their answers in the background. Never rejects.
   */
  takeOver(): Promise<void>;

  /**
   * Reports the turns of this process as alive. Takes over turns of processes that died, unless this one is draining.
   * Call it every `heartbeatMs` after `takeOver`. Never rejects.
   */
  heartbeat(): Promise<void>;
  readonly heartbeatMs: number;
}

export interface RegenerateRequest {
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly idempotencyKey: string | undefined;
  /** See `send`. */
  readonly after?: number;
}

export function createTurns(options: TurnOptions): Turns {
  const rescue = createRescue(options);
  const drain = createDrain({ live: options.live, stopRescue: rescue.stop });
  const takeover = createTakeover({ ...options, rescue, isDraining: drain.isDraining });
  const access = createTurnAccess(options);
  const open = createOpen(options, drain);
  const { send, sendKeyed } = createSend({ store: options.store, access, open });
  return {
    ...access,
    start: (question) => open(question, null),
    send,
    sendKeyed,
    sendUnkeyed: createSendUnkeyed({ store: options.store, access, send }),
    async regenerate(owner, turnId, { inputs, idempotencyKey, after }) {
      const { saved } = await access.find(owner, turnId);
      const branchesAt = await findBranch(owner, saved);
      const sent = await send({ ...toSameQuestion(saved), owner, inputs, branchesAt }, idempotencyKey, after);
      if (!sent.isReplay) await reportSuperseded(owner, saved, sent.turnId);
      return sent;
    },
    drain: drain.drain,
    isDraining: drain.isDraining,
    refusesTurns: drain.refusesTurns,
    takeOver: takeover.begin,
    heartbeat: takeover.beat,
    heartbeatMs: takeover.everyMs,
  };

  /** Returns the `Message.id` of the first line that the new turn supersedes. */
  async function findBranch(owner: Owner, [question, answer]: SavedTurn): Promise<number> {
    const { id, parentMessageId } = question;
    // A repeat that failed has given its place back to an earlier version of the question.
    const hasPlace = !question.isSuperseded || answer.answer !== '' || parentMessageId === null;
    return hasPlace ? id : ((await options.store.findMessageId(owner, parentMessageId)) ?? id);
  }

  async function reportSuperseded(owner: Owner, [before]: SavedTurn, turnId: string): Promise<void> {
    const now = await options.store.find(owner, before.turnId ?? '');
    if (!before.isSuperseded && now?.[0].isSuperseded === true) options.onSuperseded(now[0], turnId);
  }
}

function toSameQuestion([question, answer]: SavedTurn): Omit<Question, 'owner' | 'inputs' | 'branchesAt'> {
  if (answer.characterId === null) throw new ChatError('character-not-found');
  return {
    characterId: answer.characterId,
    query: question.query,
    files: question.files,
    session: { sessionId: answer.sessionId ?? undefined },
    // All versions of a question refer to the first one.
    regenerates: question.parentMessageId ?? question.messageId,
  };
}
