import type { Owner } from '../model/owner';
import type { NewSessionEntry, SessionEntry } from '../model/session';
import type { Range, MessageRange } from '../model/page';
import type { After } from '../shared/walk';
import type { Message, MessageReference, NewMessage } from '../model/message';

/** Where sessions and their lines are kept. What is not the owner's does not exist, nor does what is deleted. */
export interface SessionStore {
  create(owner: Owner, session: NewSessionEntry): Promise<SessionEntry>;
  /** The one with the newest message, or this one; for all who ask at the same time the same. */
  findLatestOrCreate(owner: Owner, session: NewSessionEntry): Promise<SessionEntry>;
  /** Those with the newest message first. */
  list(
    owner: Owner,
    range: Range,
    signal?: AbortSignal,
  ): Promise<{ readonly sessions: readonly SessionEntry[]; readonly total: number }>;
  find(owner: Owner, sessionId: string): Promise<SessionEntry | null>;
  /** @returns whether it is there. */
  rename(owner: Owner, sessionId: string, title: string): Promise<boolean>;
  /**
   * Deletes it with all its messages, so that `restoreSession` brings back just these. Not while it is being answered,
   * unless by this turn.
   * @returns whether it is deleted; null where it was not there.
   */
  deleteSession(
    owner: Owner,
    sessionId: string,
    at: Date,
    liveTurnId: string | null,
  ): Promise<boolean | null>;
  /** @returns whether it was there, and deleted since. */
  restoreSession(owner: Owner, sessionId: string, since: Date): Promise<boolean>;

  /** The lines of a session by age. */
  listMessages(owner: Owner, session: SessionEntry, range: MessageRange): Promise<readonly Message[]>;
  /** How many lines of a session are not superseded; `messageCount` is of all. */
  countCurrentMessages(owner: Owner, session: SessionEntry, signal?: AbortSignal): Promise<number>;
  /** The oldest lines of a session after the one with this `Message.id`. */
  listMessagesAfter(owner: Owner, session: SessionEntry, after: After): Promise<readonly Message[]>;
  findMessage(owner: Owner, reference: MessageReference): Promise<Message | null>;
  addMessage(owner: Owner, session: SessionEntry, message: NewMessage): Promise<Message>;
  /**
   * Changes a question, in the answer of its turn too, and marks the answers after it as superseded.
   * @throws ChatError `message-not-found` where it is deleted by now.
   */
  editQuestion(owner: Owner, question: Message, content: string): Promise<void>;
  deleteMessage(owner: Owner, message: Message, at: Date): Promise<void>;
  /** @returns whether it was there, and deleted since. */
  restoreMessage(owner: Owner, reference: MessageReference, since: Date): Promise<boolean>;
}
