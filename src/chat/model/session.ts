/** One user's thread with one character. */
export interface Session {
  readonly rowId: number;
  /** The public id, a UUID. */
  readonly sessionId: string;
  /** Dify's id of the thread; null until Dify has answered once. */
  readonly conversationId: string | null;
  /** The character's documentId; null where the session has none yet. */
  readonly characterId: string | null;
}

/** How a client names a session it wants to continue: by our id, by Dify's, or by both. */
export interface SessionReference {
  readonly sessionId?: string | undefined;
  readonly conversationId?: string | undefined;
}

/** The title of a session nobody has named, and nothing was asked in yet. */
export const defaultTitle = '新会话';

const maxTitleCharacters = 40;
/** Of UTF-16, below the 255 of the column: an emoji that is one character to a reader can take a dozen. */
const maxTitleLength = 250;
const graphemes = new Intl.Segmenter();

/** The title of a session that begins with this question: its text on one line, cut between characters. */
export function toTitle(question: string): string {
  const line = question.replaceAll(/\s+/gu, ' ').trim();
  // No text has more characters than code units, and to look for them costs as much as the rest of a short question.
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
  /** Of its messages that are not deleted. */
  readonly messageCount: number;
  readonly conversationId: string | null;
  /** The character's documentId; null where the session has none yet. */
  readonly characterId: string | null;
  /** The turn that is being answered, for a client that wants to follow it. */
  readonly liveTurnId: string | null;
  readonly lastMessageAt: Date;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface NewSessionEntry {
  readonly title: string;
  readonly characterId: string | null;
}

/** A session as a client wants it. */
export interface SessionWish {
  /** Empty for the usual one. */
  readonly title: string;
  readonly character: string | undefined;
}
