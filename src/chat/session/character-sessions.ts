import { ChatError } from '../errors';
import type { Character, ListedCharacter } from '../model/character';
import { nameUser } from '../model/macros';
import type { Message } from '../model/message';
import type { Owner } from '../model/owner';
import { answersIn, defaultTitle, toTitle, type SessionEntry, type SessionOrder } from '../model/session';
import type { CharacterSource } from '../ports/character-source';
import type { SessionStore } from '../ports/session-store';
import type { SessionAccess } from './access';

/**
 * The sessions that an owner has with one character, in pages as Dify lists them. A `reference` to a session is its id
 * or Dify's id of its conversation.
 */
export interface CharacterSessions {
  /** Finds a published character by any of its ids. @throws ChatError `character-not-found` */
  findCharacter(owner: Owner, reference: string): Promise<Character>;
  /** Lists the published characters, oldest first. */
  listCharacters(): Promise<readonly ListedCharacter[]>;
  /** Finds one of that list by any of its ids. @throws ChatError `character-not-found` */
  findListed(reference: string): Promise<ListedCharacter>;
  /** @throws ChatError `session-not-found`, also for a session with another character. */
  find(owner: Owner, character: Character, reference: string): Promise<SessionEntry>;
  /** Lists the sessions after the one of `lastId`. @throws ChatError `session-not-found` for that one. */
  list(
    owner: Owner,
    character: Character,
    page: SessionPage,
  ): Promise<{ readonly items: readonly SessionEntry[]; readonly hasMore: boolean }>;
  /**
   * Returns the newest answers before the one of `firstId`, oldest first, and the answer before these.
   * @throws ChatError `message-not-found` unless `firstId` is in the session.
   */
  listAnswers(owner: Owner, session: SessionEntry, page: AnswerPage): Promise<AnswerList>;
  /** @throws ChatError `message-not-found`, also for a message of another character. */
  findMessage(owner: Owner, character: Character, messageId: string): Promise<Message>;
  /** Returns the title that the session would have got from its first question. */
  titleOf(owner: Owner, session: SessionEntry): Promise<string>;
}

export interface SessionPage {
  readonly lastId: string | undefined;
  readonly limit: number;
  readonly order: SessionOrder;
  readonly signal?: AbortSignal | undefined;
}

export interface AnswerPage {
  readonly firstId: string | undefined;
  readonly limit: number;
  readonly signal?: AbortSignal | undefined;
}

export interface AnswerList {
  readonly answers: readonly Message[];
  /** Null if the list begins with the first answer of the session. */
  readonly before: Message | null;
}

export interface CharacterSessionsOptions {
  readonly store: SessionStore;
  readonly characters: CharacterSource;
  readonly sessions: Pick<SessionAccess, 'findMessage' | 'findMessageIn'>;
}

export function createCharacterSessions({
  store,
  characters,
  sessions,
}: CharacterSessionsOptions): CharacterSessions {
  return {
    async findCharacter(owner, reference) {
      const character = await characters.findPublished(reference, owner.locale);
      if (character === null) throw new ChatError('character-not-found');
      return nameUser(character, owner);
    },
    listCharacters: () => characters.listPublished(),
    async findListed(reference) {
      const character = await characters.findPublished(reference);
      const [listed] = character === null ? [] : await characters.listPublished(character.documentId);
      if (listed === undefined) throw new ChatError('character-not-found');
      return listed;
    },
    find,
    async list(owner, character, { lastId, limit, ...rest }) {
      const after = lastId === undefined ? null : await find(owner, character, lastId);
      const page = { ...rest, after, limit: limit + 1, characterId: character.documentId };
      const found = await store.listWithCharacter(owner, page);
      return { items: found.slice(0, limit), hasMore: found.length > limit };
    },
    async listAnswers(owner, session, { firstId, limit, signal }) {
      const first =
        firstId === undefined
          ? null
          : await sessions.findMessageIn(owner, session.sessionId, { messageId: firstId });
      const page = { beforeId: first?.id ?? null, limit: limit + 1, signal };
      const answers = [...(await store.listAnswers(owner, session, page))].reverse();
      const before = answers.length > limit ? (answers.shift() ?? null) : null;
      return { answers, before };
    },
    async findMessage(owner, character, messageId) {
      const message = await sessions.findMessage(owner, { messageId });
      if (message.characterId !== character.documentId) throw new ChatError('message-not-found');
      return message;
    },
    async titleOf(owner, session) {
      const first = { limit: 1, offset: 0, newestFirst: false, withSuperseded: true };
      const [line] = await store.listMessages(owner, session, first);
      return line === undefined ? defaultTitle : toTitle(line.query);
    },
  };

  async function find(owner: Owner, character: Character, reference: string): Promise<SessionEntry> {
    const session = await store.find(owner, reference);
    if (session !== null && answersIn(session, character.documentId)) return session;
    throw new ChatError('session-not-found');
  }
}
