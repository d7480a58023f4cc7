import type { RememberedTurn } from '../contract/openai/request';
import { ChatError } from '../errors';
import type { Character } from '../model/character';
import type { Message } from '../model/message';
import type { Owner } from '../model/owner';
import type { SessionEntry } from '../model/session';
import type { SessionStore } from '../ports/session-store';
import type { TurnAccess } from '../turn/access';
import type { CharacterSessions } from './character-sessions';

/** Where a client that names no session, but sends all earlier messages, wants to go on. */
export interface ThreadReference {
  /** If it is named, the earlier messages do not count. */
  readonly sessionId: string | undefined;
  readonly earlier: readonly RememberedTurn[];
}

export interface FindThreadOptions {
  readonly store: Pick<SessionStore, 'listWithCharacter' | 'listAnswers'>;
  readonly turns: Pick<TurnAccess, 'stopUnread'>;
  readonly characterSessions: Pick<CharacterSessions, 'find'>;
}

/** How many of the newest sessions are compared with the messages of the client. */
const maxSessions = 100;

/**
 * Finds the session that a client continues. Its earlier messages must be all turns of the session, in order. A failed
 * turn without an answer may be missing. An answer that nobody reads any more is stopped first.
 * @returns undefined for a new session.
 * @throws ChatError `session-not-found` for a named session, `turn-in-progress` if a client still reads an answer.
 */
export function createFindThread({ store, turns, characterSessions }: FindThreadOptions) {
  return async function findThread(
    owner: Owner,
    character: Character,
    { sessionId, earlier }: ThreadReference,
  ): Promise<string | undefined> {
    const session =
      sessionId === undefined
        ? await findRemembered(owner, character, earlier)
        : await characterSessions.find(owner, character, sessionId);
    if (session === undefined) return undefined;
    await endUnread(turns, owner, session);
    return session.sessionId;
  };

  async function findRemembered(
    owner: Owner,
    character: Character,
    earlier: readonly RememberedTurn[],
  ): Promise<SessionEntry | undefined> {
    if (earlier.length === 0) return undefined;
    const newest = { by: 'lastMessageAt', newestFirst: true } as const;
    const page = { characterId: character.documentId, order: newest, after: null, limit: maxSessions };
    for (const session of await store.listWithCharacter(owner, page)) {
      // A turn has two lines. Failed and superseded turns are lines, too.
      if (session.messageCount >= earlier.length && (await isRemembered(owner, session, earlier)))
        return session;
    }
    return undefined;
  }

  async function isRemembered(
    owner: Owner,
    session: SessionEntry,
    earlier: readonly RememberedTurn[],
  ): Promise<boolean> {
    const range = { beforeId: null, limit: earlier.length + maxFailed + 1 };
    const saved = [...(await store.listAnswers(owner, session, range))].reverse();
    return matches(saved, earlier);
  }
}

/** Stops the answer of a session, if nobody reads it any more. @throws ChatError `turn-in-progress` */
export async function endUnread(
  turns: Pick<TurnAccess, 'stopUnread'>,
  owner: Owner,
  { liveTurnId }: SessionEntry,
): Promise<void> {
  if (liveTurnId === null || (await turns.stopUnread(owner, liveTurnId))) return;
  throw new ChatError('turn-in-progress', { details: { turn_id: liveTurnId } });
}

/** How many failed turns may be missing in the messages of a client. */
const maxFailed = 20;

/** Returns whether these are all turns of a session, oldest first. */
export function matches(saved: readonly Message[], earlier: readonly RememberedTurn[]): boolean {
  let next = 0;
  for (const turn of saved) {
    const remembered = earlier[next];
    if (remembered !== undefined && isSame(turn, remembered)) next += 1;
    else if (!isFailed(turn)) return false;
  }
  return next === earlier.length;
}

function isSame({ query, answer, outcome }: Message, remembered: RememberedTurn): boolean {
  if (query.trim() !== remembered.query) return false;
  const saved = (answer ?? '').trim();
  if (saved.startsWith(remembered.answer)) return true;
  // The saved text of a running answer can be behind what the client has seen.
  return outcome === 'pending' && remembered.answer.startsWith(saved);
}

const isFailed = ({ outcome, answer }: Message): boolean =>
  (outcome === 'failed' || outcome === 'interrupted') && (answer ?? '').trim() === '';
