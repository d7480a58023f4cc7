import type { CharacterSource } from '../ports/character-source';
import { ChatError } from '../errors';
import { characterIdsOf } from '../model/character';
import {
  charsOf,
  type Message,
  type NewMessage,
  type MessageReference,
  type Revision,
} from '../model/message';
import type { Owner } from '../model/owner';
import { toContentEvent, toMessageEvent, toSupersededEvent, type SessionEvents } from './events';
import { defaultTitle, type SessionEntry, type SessionRange, type SessionWish } from '../model/session';
import type { Sent } from '../turn/send';
import type { Turns } from '../turn/turns';
import { findBySpelling } from '../shared/id-spellings';
import { toSessionReply, type SessionReply } from '../contract/sessions/reply';
import { walk, type After } from '../shared/walk';
import type { Selection, MessageRange, Page } from '../model/page';
import type { SessionStore } from '../ports/session-store';

/**
 * The actions of owners on their sessions and the lines in them. A `reference` to a session is its id or the
 * upstream's id of its conversation. Every method throws ChatError `session-not-found` or `message-not-found` if the
 * entry does not exist or belongs to another user.
 */
export interface SessionAccess {
  /**
   * Creates a session. If the owner already has one with `session.sessionId`, returns that one.
   * @param session.character any id of the character that must answer.
   * @throws ChatError `character-not-found`, or `invalid-request` if the id is another user's or is deleted.
   */
  create(owner: Owner, session: SessionWish): Promise<SessionEntry>;
  /** Returns the session with the newest message, or a new one. */
  findLatestOrCreate(owner: Owner): Promise<SessionEntry>;
  list(owner: Owner, range: SessionRange, signal?: AbortSignal): Promise<Page<SessionEntry>>;
  find(owner: Owner, reference: string): Promise<SessionEntry>;
  /** Returns a session of the owner as the session API shows it. */
  toReply(owner: Owner, session: SessionEntry): Promise<SessionReply>;
  toReplies(owner: Owner, sessions: readonly SessionEntry[]): Promise<SessionReply[]>;
  rename(owner: Owner, reference: string, title: string): Promise<void>;
  /** Deletes a session, and stops a running answer in it. */
  deleteSession(owner: Owner, reference: string): Promise<void>;
  restoreSession(owner: Owner, reference: string): Promise<void>;

  listMessages(owner: Owner, reference: string, range: MessageRange): Promise<Page<Message>>;
  /** Yields at most `after.limit` lines of a session after the one with `after.id`, in pages, oldest first. */
  walkMessages(
    owner: Owner,
    reference: string,
    after: After,
  ): Promise<AsyncGenerator<readonly Message[], void>>;
  /** Returns the newest lines of a session, oldest first. The caller has already found the session. */
  latestMessages(
    owner: Owner,
    session: SessionEntry,
    selection: Selection & { readonly count: number; readonly signal?: AbortSignal },
  ): Promise<readonly Message[]>;
  findMessage(owner: Owner, reference: MessageReference): Promise<Message>;
  /** Finds a message of this session only. @throws ChatError `message-not-found` for an unknown session, too. */
  findMessageIn(owner: Owner, session: string, reference: MessageReference): Promise<Message>;
  addMessage(owner: Owner, reference: string, message: NewMessage): Promise<Message>;
  /** @throws ChatError `invalid-request` unless the role is user; `turn-in-progress` while it is being answered. */
  editQuestion(owner: Owner, reference: MessageReference, content: string): Promise<Message>;
  /**
   * Asks a question in other words. This adds a turn at the end of the session, which refers to the replaced
   * question. That question and all lines after it keep their text and become superseded.
   * @throws ChatError `invalid-request` unless the role is user and the session has a character. Also throws as
   *   `Turns.send`. Then nothing changes.
   */
  reviseQuestion(owner: Owner, reference: MessageReference, revision: Revision): Promise<Sent>;
  /** @throws ChatError `turn-in-progress` for a line of a running turn. */
  deleteMessage(owner: Owner, reference: MessageReference): Promise<void>;
  restoreMessage(owner: Owner, reference: MessageReference): Promise<void>;
}

export interface SessionAccessOptions {
  readonly store: SessionStore;
  readonly characters: CharacterSource;
  readonly turns: Pick<Turns, 'stop' | 'send'>;
  readonly events: Pick<SessionEvents, 'publish'>;
  /** How long users can restore deleted sessions and messages. */
  readonly restorableMs: number;
  /** Called after a message is added. It must not throw. */
  readonly onMessageAdded: (messageId: string) => void;
  /** Called after a session is deleted. Its conversation may have to be deleted in the upstream. */
  readonly onErased: () => void;
}

export function createSessionAccess(options: SessionAccessOptions): SessionAccess {
  const { store, characters, turns, events, restorableMs, onErased, onMessageAdded } = options;
  const restorableSince = () => toRestorableSince(restorableMs);
  return {
    async create(owner, { sessionId, title, character }) {
      const characterId = character === undefined ? null : await findCharacter(characters, character);
      const find = async () => (sessionId === undefined ? null : store.find(owner, sessionId));
      const wish = { sessionId, title: title || defaultTitle, characterId };
      const session = (await find()) ?? (await store.create(owner, wish)) ?? (await find());
      if (session !== null) return session;
      throw new ChatError('invalid-request', { sentence: 'This session_id is in use. Choose another one.' });
    },
    findLatestOrCreate: (owner) =>
      store.findLatestOrCreate(owner, { title: defaultTitle, characterId: null }),
    async list(owner, range, signal) {
      const { sessions, total } = await store.list(owner, range, signal);
      return { items: sessions, total };
    },
    find: (owner, reference) => findSession(store, owner, reference),
    async toReply(owner, session) {
      const known = await characters.findForDisplay(characterIdsOf([session]), owner.locale);
      return toSessionReply(session, owner, known);
    },
    async toReplies(owner, sessions) {
      const known = await characters.findForDisplay(characterIdsOf(sessions), owner.locale);
      return sessions.map((session) => toSessionReply(session, owner, known));
    },
    async rename(owner, reference, title) {
      const { sessionId } = await findSession(store, owner, reference);
      assertThere(await store.rename(owner, sessionId, title), 'session-not-found');
      events.publish({ event: 'session_renamed', session_id: sessionId, title });
    },
    deleteSession,
    restoreSession: async (owner, reference) =>
      assertThere(await store.restoreSession(owner, reference, restorableSince()), 'session-not-found'),

    async listMessages(owner, reference, range) {
      const session = await findSession(store, owner, reference);
      const total = range.withSuperseded
        ? session.messageCount
        : await store.countCurrentMessages(owner, session, range.signal);
      return { items: await store.listMessages(owner, session, range), total };
    },
    async walkMessages(owner, reference, after) {
      const session = await findSession(store, owner, reference);
      return walk((next) => store.listMessagesAfter(owner, session, next), after, charsOf);
    },
    async latestMessages(owner, session, { count, withSuperseded, signal }) {
      const part = { limit: count, offset: 0, newestFirst: true, withSuperseded, signal };
      const messages = await store.listMessages(owner, session, part);
      return [...messages].reverse();
    },
    async addMessage(owner, reference, message) {
      const added = await store.addMessage(owner, await findSession(store, owner, reference), message);
      events.publish(toContentEvent('message_added', added));
      onMessageAdded(added.messageId);
      return added;
    },
    ...createMessageAccess(options),
  };

  async function deleteSession(owner: Owner, reference: string): Promise<void> {
    let { sessionId, liveTurnId } = await findSession(store, owner, reference);
    for (;;) {
      // Nobody needs the answer any more. If the stop fails, the answer ends by itself.
      if (liveTurnId !== null) await turns.stop(owner, liveTurnId).catch(() => undefined);
      const isDeleted = await store.deleteSession(owner, sessionId, new Date(), liveTurnId);
      if (isDeleted === null) throw new ChatError('session-not-found');
      if (isDeleted) break;
      ({ sessionId, liveTurnId } = await findSession(store, owner, sessionId));
    }
    events.publish({ event: 'session_deleted', session_id: sessionId });
    onErased();
  }
}

/** The actions of owners on a line of any session. */
function createMessageAccess({
  store,
  turns,
  events,
  restorableMs,
}: SessionAccessOptions): Pick<
  SessionAccess,
  'findMessage' | 'findMessageIn' | 'editQuestion' | 'reviseQuestion' | 'deleteMessage' | 'restoreMessage'
> {
  return { findMessage, findMessageIn, editQuestion, reviseQuestion, deleteMessage, restoreMessage };

  async function findMessage(owner: Owner, reference: MessageReference): Promise<Message> {
    const message = await inSpellings(reference, (one) => store.findMessage(owner, one));
    if (message === null) throw new ChatError('message-not-found');
    return message;
  }

  async function findMessageIn(owner: Owner, session: string, reference: MessageReference): Promise<Message> {
    const message = await findMessage(owner, reference);
    const { sessionId } = (await store.find(owner, session)) ?? {};
    if (sessionId === undefined || sessionId !== message.sessionId) throw new ChatError('message-not-found');
    return message;
  }

  async function editQuestion(owner: Owner, reference: MessageReference, content: string): Promise<Message> {
    const message = await findQuestion(owner, reference);
    await assertNotRunning(store, owner, message);
    await store.editQuestion(owner, message, content);
    const edited = await findMessage(owner, { id: message.id });
    events.publish(toContentEvent('message_edited', edited));
    return edited;
  }

  async function reviseQuestion(
    owner: Owner,
    reference: MessageReference,
    { content, files, idempotencyKey, after }: Revision,
  ): Promise<Sent> {
    const old = await findQuestion(owner, reference);
    const session = await findSession(store, owner, old.sessionId ?? '');
    const question = {
      owner,
      characterId: assertCharacter(session),
      query: content,
      files: files ?? old.files,
      session: { sessionId: session.sessionId },
      inputs: {},
      regenerates: old.messageId,
      supersedes: old.id,
    };
    const sent = await turns.send(question, idempotencyKey, after);
    if (!sent.isReplay) events.publish(toSupersededEvent({ ...old, isSuperseded: true }, sent.turnId));
    return sent;
  }

  async function findQuestion(owner: Owner, reference: MessageReference): Promise<Message> {
    const message = await findMessage(owner, reference);
    if (message.role === 'user') return message;
    throw new ChatError('invalid-request', { sentence: 'Only messages of role user can be edited.' });
  }

  async function deleteMessage(owner: Owner, reference: MessageReference): Promise<void> {
    const message = await findMessage(owner, reference);
    await assertNotRunning(store, owner, message);
    await store.deleteMessage(owner, message, new Date());
    events.publish(toMessageEvent('message_deleted', message));
  }

  async function restoreMessage(owner: Owner, reference: MessageReference): Promise<void> {
    const since = toRestorableSince(restorableMs);
    const named = await inSpellings(reference, async (one) =>
      (await store.restoreMessage(owner, one, since)) ? one : null,
    );
    if (named === null) throw new ChatError('message-not-found');
    const restored = await store.findMessage(owner, named);
    if (restored !== null) events.publish(toContentEvent('message_restored', restored));
  }
}

/** Calls `find` with each spelling of a `message_id`. @returns the first result that is not null. */
async function inSpellings<T>(
  reference: MessageReference,
  find: (reference: MessageReference) => Promise<T | null>,
): Promise<T | null> {
  if ('id' in reference) return find(reference);
  return findBySpelling(reference.messageId, (messageId) => find({ messageId }));
}

function toRestorableSince(restorableMs: number): Date {
  return new Date(Date.now() - restorableMs);
}

/** Returns the character of a session. @throws ChatError `invalid-request` if it has none. */
export function assertCharacter({ characterId }: SessionEntry): string {
  if (characterId !== null) return characterId;
  throw new ChatError('invalid-request', { sentence: 'This session has no character that can reply.' });
}

async function findSession(store: SessionStore, owner: Owner, reference: string): Promise<SessionEntry> {
  const session = await store.find(owner, reference);
  if (session === null) throw new ChatError('session-not-found');
  return session;
}

/** Refuses to change a line of a running turn. @throws ChatError `turn-in-progress` */
async function assertNotRunning(
  store: SessionStore,
  owner: Owner,
  { turnId, sessionId }: Message,
): Promise<void> {
  if (turnId === null || sessionId === null) return;
  const session = await store.find(owner, sessionId);
  if (session?.liveTurnId !== turnId) return;
  throw new ChatError('turn-in-progress', { details: { turn_id: turnId, session_id: sessionId } });
}

function assertThere(isThere: boolean, code: 'session-not-found' | 'message-not-found'): void {
  if (!isThere) throw new ChatError(code);
}

async function findCharacter(characters: CharacterSource, reference: string): Promise<string> {
  const character = await characters.findPublished(reference);
  if (character === null) throw new ChatError('character-not-found');
  return character.documentId;
}
