/** One user's thread with one character. */
export interface Session {
  readonly rowId: number;
  /** The public id, a UUID. */
  readonly sessionId: string;
  /** Dify's id of the thread; null until Dify has answered once. */
  readonly conversationId: string | null;
  /** `Character.linkId`; null once the character is deleted. */
  readonly characterId: number | null;
}

/** How a client names a session it wants to continue: by our id, by Dify's, or by both. */
export interface SessionReference {
  readonly sessionId?: string | undefined;
  readonly conversationId?: string | undefined;
}

const maxTitleLength = 40;
const graphemes = new Intl.Segmenter();

/** The title of a session that begins with this question: its text on one line, cut between characters. */
export function toTitle(question: string): string {
  const line = question.replaceAll(/\s+/gu, ' ').trim();
  // The slice bounds the work on a long question; the segmenter then counts what a reader sees as characters.
  const characters = Array.from(
    graphemes.segment(line.slice(0, maxTitleLength * 16)),
    ({ segment }) => segment,
  );
  if (characters.length === 0) return '新会话';
  if (characters.length <= maxTitleLength) return characters.join('').slice(0, 255);
  return `${characters.slice(0, maxTitleLength).join('')}…`;
}
