import type { RememberedTurn } from '../contract/openai/request';
import { ChatError } from '../errors';
import type { Character } from '../model/character';
import type { Message } from '../model/message';
import type { Owner } from '../model/owner';
import type { SessionEntry } from '../model/session';
import type { AnswerRange, SessionStore } from '../ports/session-store';
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
    const compare = createComparison(earlier);
    for (let beforeId: number | null = null; ;) {
      const range: AnswerRange = { beforeId, limit: pageSize };
      const page = await store.listAnswers(owner, session, range);
      if (!page.every(compare.next)) return false;
      if (page.length < pageSize) return compare.isWhole();
      beforeId = page.at(-1)?.id ?? null;
    }
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

/** An answer can have megabytes. Most sessions differ in the newest turn. */
const pageSize = 20;
/** How many failed turns may be missing in the messages of a client. */
const maxFailed = 20;

/** Compares the turns of a session with those that a client remembers, the newest first. */
export function createComparison(earlier: readonly RememberedTurn[]) {
  /** How many turns of the client can be left. A failed turn may be one of them, or may be missing. */
  let left: readonly number[] = [earlier.length];
  let count = 0;
  return {
    /** Takes the next older turn of the session. @returns whether all turns so far can be those of the client. */
    next(saved: Message): boolean {
      count += 1;
      const isOne = (at: number) => at > 0 && isSame(saved, earlier[at - 1] as RememberedTurn);
      const isMissing = (at: number) => isFailed(saved) && count - (earlier.length - at) <= maxFailed;
      left = [
        ...new Set(left.flatMap((at) => [...(isOne(at) ? [at - 1] : []), ...(isMissing(at) ? [at] : [])])),
      ];
      return left.length > 0;
    },
    /** Returns whether no turn of the client is left. */
    isWhole: () => left.includes(0),
  };
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
