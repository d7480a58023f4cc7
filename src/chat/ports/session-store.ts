import type { Owner } from '../model/owner';
import type { NewSessionEntry, SessionEntry, SessionOrder, SessionRange } from '../model/session';
import type { MessageRange } from '../model/page';
import type { After } from '../shared/walk';
import type { Message, MessageReference, NewMessage } from '../model/message';

/** Stores sessions and their lines. Each method sees only the owner's entries. Only restoring sees deleted ones. */
export interface SessionStore {
  /** @returns null if any session already has this id. */
  create(owner: Owner, session: NewSessionEntry): Promise<SessionEntry | null>;
  /** Returns the session with the newest message, or creates this one. Concurrent calls return the same session. */
  findLatestOrCreate(owner: Owner, session: NewSessionEntry): Promise<SessionEntry>;
  /** Lists sessions. The one with the newest message comes first. */
  list(
    owner: Owner,
    range: SessionRange,
    signal?: AbortSignal,
  ): Promise<{ readonly sessions: readonly SessionEntry[]; readonly total: number }>;
  /** Lists the sessions with one character. */
  listWithCharacter(owner: Owner, range: CharacterSessionRange): Promise<readonly SessionEntry[]>;
  /** @param id the id of the session, or the upstream's id of its conversation. */
  find(owner: Owner, id: string): Promise<SessionEntry | null>;
  /** @param id what `find` takes, or the name that a client has given the session. */
  findChat(owner: Owner, id: string): Promise<SessionEntry | null>;
  /** @returns whether the session exists. */
  rename(owner: Owner, sessionId: string, title: string): Promise<boolean>;
  /**
   * Deletes a session and all its messages, so that `restoreSession` restores exactly these. Does not delete a
   * session with a running turn other than `liveTurnId`.
   * @returns whether the session is deleted; null if it did not exist.
   */
  deleteSession(
    owner: Owner,
    sessionId: string,
    at: Date,
    liveTurnId: string | null,
  ): Promise<boolean | null>;
  /**
   * @param id the id of the session, or the upstream's id of its conversation.
   * @returns whether the session existed and was deleted at or after `since`.
   */
  restoreSession(owner: Owner, id: string, since: Date): Promise<boolean>;

  /** Lists the lines of a session by age. */
  listMessages(owner: Owner, session: SessionEntry, range: MessageRange): Promise<readonly Message[]>;
  /** Counts the lines of a session that are not superseded. `messageCount` counts all of them. */
  countCurrentMessages(owner: Owner, session: SessionEntry, signal?: AbortSignal): Promise<number>;
  /** Lists the oldest lines of a session after the one with this `Message.id`. */
  listMessagesAfter(owner: Owner, session: SessionEntry, after: After): Promise<readonly Message[]>;
  /** Lists the newest answers of turns, newest first. Leaves out superseded ones, and lines that a client has added. */
  listAnswers(owner: Owner, session: SessionEntry, range: AnswerRange): Promise<readonly Message[]>;
  findMessage(owner: Owner, reference: MessageReference): Promise<Message | null>;
  addMessage(owner: Owner, session: SessionEntry, message: NewMessage): Promise<Message>;
  /**
   * Changes a question, also in the answer row of its turn. Marks the answers after it as superseded.
   * @throws ChatError `message-not-found` if it was deleted in the meantime.
   */
  editQuestion(owner: Owner, question: Message, content: string): Promise<void>;
  deleteMessage(owner: Owner, message: Message, at: Date): Promise<void>;
  /** @returns whether the message existed and was deleted at or after `since`. */
  restoreMessage(owner: Owner, reference: MessageReference, since: Date): Promise<boolean>;
}

export interface CharacterSessionRange {
  /** The character's documentId. */
  readonly characterId: string;
  readonly order: SessionOrder;
  /** The list begins after this session. */
  readonly after: SessionEntry | null;
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

export interface AnswerRange {
  /** The `Message.id` before which the answers are. Null for the newest ones. */
  readonly beforeId: number | null;
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}
