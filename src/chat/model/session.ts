import type { Range } from './page';

/** One user's thread with one character. */
export interface Session {
  readonly rowId: number;
  /** The public id, a UUID. */
  readonly sessionId: string;
  /** The upstream's id of the thread; null until the upstream has answered once. */
  readonly conversationId: string | null;
  /** The character's documentId; null while the session has no character. */
  readonly characterId: string | null;
  /** The upstream that has this thread. See `NamedUpstream.id`. Null for Dify's Service API: see `upstreamIdOf`. */
  readonly upstreamId: string | null;
  /** The conversations that other upstreams have of this session, by the upstream's id. */
  readonly otherThreads: OtherThreads;
}

/**
 * Returns whether a character answers in this session. A session without one takes the first character that is asked.
 */
export function answersIn(
  session: Pick<Session, 'characterId' | 'conversationId'>,
  characterDocumentId: string,
): boolean {
  const isFree = session.characterId === null && session.conversationId === null;
  return isFree || session.characterId === characterDocumentId;
}

export type OtherThreads = Readonly<Record<string, string>>;

/** Returns the upstream of a session or turn. Before a character could choose one, Dify's Service API answered all. */
export const upstreamIdOf = (saved: string | null): string => saved ?? 'dify';

/**
 * Identifies a session that a client wants to continue: by this server's id, by Dify's, or by both. Each field may hold
 * either id.
 */
export interface SessionReference {
  readonly sessionId?: string | undefined;
  readonly conversationId?: string | undefined;
  /** One of these ids, or the name that a client has given the session. A new session gets it as its name. */
  readonly chatId?: string | undefined;
}

/** The title of a session that has no name and no question yet. */
export const defaultTitle = '新会话';

const maxTitleCharacters = 40;
/** In UTF-16 units, below the 255 of the column. One emoji can take a dozen units. */
const maxTitleLength = 250;
const graphemes = new Intl.Segmenter();

/** Returns the title of a session that begins with this question: its text on one line, cut between graphemes. */
export function toTitle(question: string): string {
  const line = question.replaceAll(/\s+/gu, ' ').trim();
  // A text never has more graphemes than UTF-16 units. Do not count graphemes of a short text: it is expensive.
  if (line.length <= maxTitleCharacters) return line === '' ? defaultTitle : line;
  let title = '';
  let characters = 0;
  for (const { segment } of graphemes.segment(line)) {
    if (characters === maxTitleCharacters || title.length + segment.length > maxTitleLength)
      return `${title}…`;
    title += segment;
    characters += 1;
  }
  return title;
}

/** A session as its owner sees it. */
export interface SessionEntry {
  readonly rowId: number;
  readonly sessionId: string;
  readonly title: string;
  /** How many messages of the session are not deleted. */
  readonly messageCount: number;
  readonly conversationId: string | null;
  /** The upstream of that conversation. See `upstreamIdOf`. */
  readonly upstreamId: string | null;
  /** The character's documentId; null while the session has no character. */
  readonly characterId: string | null;
  /** The running turn, so that a client can follow it. */
  readonly liveTurnId: string | null;
  readonly lastMessageAt: Date;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface NewSessionEntry {
  /** Undefined for a new id. */
  readonly sessionId?: string | undefined;
  readonly title: string;
  readonly characterId: string | null;
}

/** Selects sessions of an owner. */
export interface SessionFilter {
  /** Any id of the character that answers in them. Undefined for all sessions. */
  readonly character?: string | undefined;
}

/** Selects sessions of an owner, and a part of them. */
export interface SessionRange extends Range, SessionFilter {}

/** The order of a list of sessions. */
export interface SessionOrder {
  readonly by: 'createdAt' | 'lastMessageAt';
  readonly newestFirst: boolean;
}

/** The values of a session that a client creates. */
export interface SessionWish {
  /** An id that other code has chosen. Undefined for a new one. */
  readonly sessionId?: string | undefined;
  /** Empty for the default title. */
  readonly title: string;
  readonly character: string | undefined;
}
