import { randomUUID } from 'node:crypto';

import type { Question, Idempotency } from '../model/question';
import { answersIn, type Session, toTitle } from '../model/session';
import type { NewSession, NewTurn } from '../model/turn';
import type { Character, AnsweringCharacter } from '../model/character';
import { nameUser } from '../model/macros';
import { newMessageId } from '../model/message-id';
import type { NamedUpstream } from '../ports/upstreams';
import { ChatError } from '../errors';
import { isBlank } from '../shared/blank-text';
import type { TurnStore } from '../ports/turn-store';
import type { Admission } from '../limits/turn-limits';
import type { LiveTurn } from '../stream/live-turns';
import type { Drain } from './drain';
import type { TurnOptions } from './options';
import { run } from './run';
import { toThread } from './thread';

export type Open = (question: Question, idempotency: Idempotency | null) => Promise<LiveTurn>;

/** Saves a question as a turn and starts to answer it. */
export function createOpen(
  options: TurnOptions,
  drain: Pick<Drain, 'refusesTurns' | 'giveUp' | 'track'>,
): Open {
  const { store, upstreams, uploads, limits } = options;

  return async (question, idempotency) => {
    if (drain.refusesTurns()) throw new ChatError('server-stopping');
    const admission = limits.admit(question.owner);
    try {
      const turn = await drain.track(open(question, idempotency, admission));
      void turn.ended.then(admission.release);
      return turn;
    } catch (error) {
      admission.cancel();
      throw error;
    }
  };

  async function open(
    question: Question,
    idempotency: Idempotency | null,
    admission: Admission,
  ): Promise<LiveTurn> {
    const character = await findAnswering(options, question);
    const answering = await upstreams.choose(character.upstream);
    const session = await findSession(store, question, character);
    await uploads.check(question.owner, answering, question.files ?? []);
    const rateLimit = await admission.count(question.query);
    let turn = toNewTurn({ question, character, answering, idempotency }, session);
    // The session has changed since it was read. For example, a turn of another device has set the conversation.
    while (!(await store.open(turn))) {
      const changed = await findSession(store, question, character);
      turn = { ...turn, session: changed, thread: toThread(answering, changed) };
    }
    return run(options, turn, question, character, {
      upstream: answering.upstream,
      admission,
      rateLimit,
      giveUp: drain.giveUp,
    });
  }
}

/** The parts of a new turn other than its session. */
interface Asked {
  readonly question: Question;
  readonly character: Character;
  readonly answering: NamedUpstream;
  readonly idempotency: Idempotency | null;
}

function toNewTurn(
  { question, character, answering, idempotency }: Asked,
  session: Session | NewSession,
): NewTurn {
  const { owner, query, files = [], regenerates } = question;
  const branchesAt = answering.upstream.hasBranches ? question.branchesAt : undefined;
  return {
    turnId: randomUUID(),
    owner,
    session,
    thread: toThread(answering, session),
    characterId: character.documentId,
    characterVersion: character.version,
    query,
    files,
    questionMessageId: newMessageId(),
    answerMessageId: newMessageId(),
    createdAt: new Date(),
    regenerates: regenerates ?? null,
    supersedes: question.supersedes ?? branchesAt ?? null,
    isRepeat: question.supersedes === undefined,
    idempotency,
  };
}

async function findAnswering(
  { characters, settings }: Pick<TurnOptions, 'characters' | 'settings'>,
  { characterId, owner }: Question,
): Promise<AnsweringCharacter> {
  const found = await characters.findPublished(characterId, owner.locale);
  if (found === null) throw new ChatError('character-not-found');
  const character = settings.nameUsers ? nameUser(found, owner) : found;
  const { prompt } = character;
  if (prompt === null || isBlank(prompt)) throw new ChatError('character-without-prompt');
  return { ...character, prompt };
}

/** Returns the session that the question names, or a new one. */
async function findSession(
  store: TurnStore,
  question: Question,
  character: Character,
): Promise<Session | NewSession> {
  const { sessionId, conversationId, chatId } = question.session;
  const isNamed = [sessionId, conversationId, chatId].some((id) => id !== undefined);
  const session = isNamed ? await store.findSession(question.owner, question.session) : null;
  if (session === null) {
    if (isNamed && chatId === undefined) throw new ChatError('session-not-found');
    return toNewSession(question, character);
  }
  if (!answersIn(session, character.documentId)) {
    throw new ChatError('invalid-request', {
      sentence:
        'This session is with another character. Leave out session_id and conversation_id to start a new one.',
      details: { session_id: session.sessionId },
    });
  }
  return session;
}

function toNewSession({ query, session: { chatId } }: Question, character: Character): NewSession {
  return {
    rowId: null,
    sessionId: randomUUID(),
    conversationId: null,
    upstreamId: null,
    otherThreads: {},
    characterId: character.documentId,
    title: toTitle(query),
    chatName: chatId,
  };
}
