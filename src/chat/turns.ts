import { randomBytes, randomUUID } from 'node:crypto';

import type { Character, CharacterSource } from './characters';
import { ChatError, type RateLimit } from './errors';
import type { Admission } from './limits';
import { createTurnLog, type LiveTurn } from './live-turns';
import { describeError } from './log';
import { toUpstreamUser, type Owner } from './owner';
import { pump } from './pump';
import { toTitle, type Session, type SessionReference } from './sessions';
import type { NewSession, NewTurn, TurnStore } from './stores';
import { createTurnAccess, type TurnAccess, type TurnOptions } from './turn-access';
import { createWireFormat } from './wire-format';

/** One question of a user to a character. */
export interface Question {
  readonly owner: Owner;
  /** The character's documentId, or the numeric id of one of its rows. */
  readonly characterId: string;
  readonly query: string;
  /** The session to continue; empty to begin one. */
  readonly session: SessionReference;
  /** For the app's own variables. The prompt is set by us, whatever stands here. */
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface Turns extends TurnAccess {
  /**
   * Saves the question and starts answering it. Whoever asked may leave: the answer is read to its end and saved.
   * @throws ChatError `character-not-found`, `character-without-prompt`, `session-not-found`, `invalid-request` (the
   *   session is with another character), `turn-in-progress`, `server-stopping`, and those of the `TurnLimits`. Nothing
   *   is saved then, and Dify hears of nothing.
   */
  start(question: Question): Promise<LiveTurn>;

  /** Starts nothing new from now on, gives running turns `timeoutMs`, then ends them as interrupted. */
  drain(timeoutMs: number): Promise<void>;
  isDraining(): boolean;

  /** Tells other processes that this one's turns are alive, and ends the turns of processes that died. */
  tend(): Promise<void>;
}

export function createTurns(options: TurnOptions): Turns {
  const { settings, store, characters, live, limits, log } = options;
  const opening = new Set<Promise<LiveTurn>>();
  let isDraining = false;
  return { ...createTurnAccess(options), start, drain, isDraining: () => isDraining, tend };

  async function start(question: Question): Promise<LiveTurn> {
    if (isDraining) throw new ChatError('server-stopping');
    const admission = limits.admit(question.owner);
    const turn = open(question, admission);
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

  async function open(question: Question, admission: Admission): Promise<LiveTurn> {
    const character = await findAnswering(characters, question.characterId);
    const session = await findSession(store, question, character);
    const rateLimit = await admission.count();
    const turn: NewTurn = {
      turnId: randomUUID(),
      owner: question.owner,
      session,
      characterId: character.linkId,
      query: question.query,
      questionMessageId: newMessageId(),
      answerMessageId: newMessageId(),
      createdAt: new Date(),
    };
    await store.open(turn);
    return run(options, turn, question, character, { admission, rateLimit });
  }

  async function drain(timeoutMs: number): Promise<void> {
    isDraining = true;
    let isOverdue = false;
    const endAll = () => {
      isOverdue = true;
      for (const turn of live.all()) turn.requestEnd('shutdown');
    };
    const timer = setTimeout(endAll, timeoutMs);
    // A question on its way into the database is a turn too.
    await Promise.allSettled(opening);
    if (isOverdue) endAll();
    await live.idle();
    clearTimeout(timer);
  }

  async function tend(): Promise<void> {
    try {
      const ids = live.all().map(({ turnId }) => turnId);
      if (ids.length > 0) await store.keepAlive(ids);
      const count = await store.interruptAbandoned(new Date(Date.now() - settings.leaseMs));
      if (count > 0) log.warn(`${count} turn(s) of a process that died are now "interrupted".`);
    } catch (error) {
      log.error(`Turns could not be tended: ${describeError(error)}`);
    }
  }
}

/** From here on the turn lives by itself, and ends by itself. */
function run(
  { settings, dify, store, live, log }: TurnOptions,
  turn: NewTurn,
  question: Question,
  character: AnsweringCharacter,
  { admission, rateLimit }: { admission: Admission; rateLimit: RateLimit | null },
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
    ids: { ...turn, sessionId, conversationId },
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
    ask: (conversation) =>
      dify.ask({ query, inputs, prompt: character.prompt, user, conversationId: conversation }),
    stop: (taskId) => dify.stop(taskId, user),
    findAnswer: (message) => dify.findAnswer(message, user),
    endRequest: turnLog.endRequest,
    identify: wire.identify,
    append: (event) => turnLog.append(wire.event(event)),
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
    return { rowId: null, sessionId, conversationId: null, characterId: character.linkId, title };
  }
  const session = await store.findSession(question.owner, question.session);
  if (session === null) throw new ChatError('session-not-found');
  if (session.characterId !== character.linkId) {
    throw new ChatError('invalid-request', {
      sentence:
        'This session is with another character. Leave session_id and conversation_id out to begin one.',
      details: { session_id: session.sessionId },
    });
  }
  return session;
}

/** Sortable enough to be read by a person, random enough to be unique: `msg_1735689600000_9f86d081884c7d65`. */
function newMessageId(): string {
  return `msg_${Date.now()}_${randomBytes(8).toString('hex')}`;
}
