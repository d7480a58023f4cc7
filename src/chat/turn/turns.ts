import { randomUUID } from 'node:crypto';

import type { Character } from '../model/character';
import type { CharacterSource } from '../ports/character-source';
import { ChatError, type RateLimit } from '../errors';
import type { Idempotency, Question } from '../model/question';
import type { Admission } from '../limits/turn-limits';
import { createTurnLog, type LiveTurn } from '../stream/live-turns';
import { describeError } from '../shared/log';
import { newMessageId } from '../model/message-id';
import { toUpstreamUser, type Owner } from '../model/owner';
import { pump } from './pump';
import { findLost } from './recover';
import { createRescue } from './rescue';
import { createSend, type Sent } from './send';
import { settledWithin } from '../shared/settled-within';
import { createTakeover } from './takeover';
import { toTitle, type Session } from '../model/session';
import type { NewSession, NewTurn, SavedTurn } from '../model/turn';
import type { TurnStore } from '../ports/turn-store';
import { createTurnAccess, type TurnAccess, type TurnOptions } from './access';
import { createWireFormat } from '../stream/formatter';

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

/** What ends within it can be saved by a database that is well, and one that hangs holds up no shutdown. */
const lastSavesMs = 5_000;

export function createTurns(options: TurnOptions): Turns {
  const { store, characters, live, limits } = options;
  const opening = new Set<Promise<LiveTurn>>();
  let isDraining = false;
  const overdue = new AbortController();
  const access = createTurnAccess(options);
  const send = createSend({ store, access, start });
  const rescue = createRescue(options);
  const takeover = createTakeover({ ...options, rescue, isDraining: () => isDraining });
  return {
    ...access,
    start,
    send,
    regenerate,
    drain,
    isDraining: () => isDraining,
    takeOver: takeover.begin,
    heartbeat: takeover.beat,
    heartbeatMs: takeover.everyMs,
  };

  async function start(question: Question, idempotency: Idempotency | null = null): Promise<LiveTurn> {
    if (isDraining) throw new ChatError('server-stopping');
    const admission = limits.admit(question.owner);
    const turn = open(question, idempotency, admission);
    opening.add(turn);
    try {
      const started = await turn;
      void started.ended.then(admission.release);
      return started;
    } catch (error) {
      admission.cancel();
      throw error;
    } finally {
      opening.delete(turn);
    }
  }

  async function regenerate(
    owner: Owner,
    turnId: string,
    { inputs, idempotencyKey }: RegenerateRequest,
  ): Promise<Sent> {
    const { saved } = await access.find(owner, turnId);
    return send({ ...toSameQuestion(saved), owner, inputs }, idempotencyKey);
  }

  async function open(
    question: Question,
    idempotency: Idempotency | null,
    admission: Admission,
  ): Promise<LiveTurn> {
    const character = await findAnswering(characters, question.characterId);
    const session = await findSession(store, question, character);
    const rateLimit = await admission.count(question.query);
    let turn = toNewTurn(question, session, character, idempotency);
    // A turn of another device has come and gone since the session was read: it may have named the conversation.
    while (!(await store.open(turn)))
      turn = { ...turn, session: await findSession(store, question, character) };
    return run(options, turn, question, character, { admission, rateLimit, giveUp: overdue.signal });
  }

  async function drain(timeoutMs: number): Promise<void> {
    isDraining = true;
    const endAll = () => {
      overdue.abort();
      for (const turn of live.all()) turn.requestEnd('shutdown');
    };
    const timer = setTimeout(endAll, timeoutMs);
    await settledWithin(timeoutMs + lastSavesMs, untilIdle(endAll));
    clearTimeout(timer);
  }

  async function untilIdle(endAll: () => void): Promise<void> {
    // A question on its way into the database is a turn too.
    await Promise.allSettled([...opening, rescue.stop()]);
    if (overdue.signal.aborted) endAll();
    await live.idle();
  }
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

function toNewTurn(
  { owner, query, regenerates, supersedes }: Question,
  session: Session | NewSession,
  character: Character,
  idempotency: Idempotency | null,
): NewTurn {
  return {
    turnId: randomUUID(),
    owner,
    session,
    characterId: character.documentId,
    query,
    questionMessageId: newMessageId(),
    answerMessageId: newMessageId(),
    createdAt: new Date(),
    regenerates: regenerates ?? null,
    supersedes: supersedes ?? null,
    idempotency,
  };
}

/** What a turn that runs has besides its question. */
interface Running {
  readonly admission: Admission;
  readonly rateLimit: RateLimit | null;
  /** Fires when the process can wait no longer. */
  readonly giveUp: AbortSignal;
}

/** From here on the turn lives by itself, and ends by itself. */
function run(
  { settings, upstream, store, live, log, onTurnEnded }: TurnOptions,
  turn: NewTurn,
  question: Question,
  character: AnsweringCharacter,
  { admission, rateLimit, giveUp }: Running,
): LiveTurn {
  const { turnId, owner } = turn;
  const { sessionId, conversationId } = turn.session;
  const turnLog = createTurnLog({
    turnId,
    sessionId,
    ownerId: owner.id,
    rateLimit,
    maxChars: settings.maxLogChars,
  });
  const wire = createWireFormat({
    ids: { sessionId, conversationId, ...turn },
    owner,
    character,
    exposePrompt: settings.exposePrompt,
  });
  const user = toUpstreamUser(owner);
  const { query, inputs } = question;
  live.add(turnLog);
  turnLog.append(wire.event({ type: 'started' }));
  void pump({
    turn,
    settings,
    store,
    log,
    ask: (conversation, take) =>
      upstream.ask({ query, inputs, prompt: character.prompt, user, conversationId: conversation }, take),
    stop: (taskId) => upstream.stop(taskId, user),
    findAnswer: (progress) =>
      findLost({ upstream, store }, turnId, {
        user,
        query,
        askedAt: turn.createdAt,
        messageId: progress.messageId,
        conversationId: progress.conversationId ?? conversationId,
      }),
    giveUp,
    onTurnEnded,
    endRequest: turnLog.endRequest,
    identify: wire.identify,
    append(event) {
      if (event.type === 'delta') turnLog.appendText(wire.messageHead(), event.text);
      else turnLog.append(wire.event(event));
    },
  })
    .then(async (terminal) => {
      // Counted before it is told: whoever asks on at once is asked to account for this answer, too.
      await admission.spend(terminal.type === 'ended' ? terminal.saved[1].usage : null);
      turnLog.append(wire.event(terminal));
    })
    .catch((error: unknown) => {
      log.error(`Turn ${turnId}: its end could not be told: ${describeError(error)}`);
      turnLog.append(wire.event({ type: 'failed', outcome: 'failed', code: 'internal' }));
    });
  return turnLog;
}

type AnsweringCharacter = Character & { readonly prompt: string };

async function findAnswering(characters: CharacterSource, reference: string): Promise<AnsweringCharacter> {
  const character = await characters.findPublished(reference);
  if (character === null) throw new ChatError('character-not-found');
  const { prompt } = character;
  if (prompt === null || prompt.trim() === '') throw new ChatError('character-without-prompt');
  return { ...character, prompt };
}

/** The session the question names, or a new one. */
async function findSession(
  store: TurnStore,
  question: Question,
  character: Character,
): Promise<Session | NewSession> {
  const { sessionId, conversationId } = question.session;
  if (sessionId === undefined && conversationId === undefined) {
    const title = toTitle(question.query);
    const sessionId = randomUUID();
    return { rowId: null, sessionId, conversationId: null, characterId: character.documentId, title };
  }
  const session = await store.findSession(question.owner, question.session);
  if (session === null) throw new ChatError('session-not-found');
  // Made without a character, a session takes the one that is asked first.
  if (session.characterId === null && session.conversationId === null) return session;
  if (session.characterId !== character.documentId) {
    throw new ChatError('invalid-request', {
      sentence:
        'This session is with another character. Leave session_id and conversation_id out to begin one.',
      details: { session_id: session.sessionId },
    });
  }
  return session;
}
