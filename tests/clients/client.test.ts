import {
  createClient,
  memoryStorage,
  textAfter,
  type ChatClient,
  type ClientOptions,
  type TurnEvent,
} from '../../clients/typescript/src/index';
import { startApp, type App } from '../support/app';
import { password } from '../support/admin';

let app: App;
let characterId: string;
let client: ChatClient;
let users = 0;

beforeAll(async () => {
  app = await startApp();
  characterId = (await app.admin.createCharacter({ name: 'Maren' })).documentId;
  client = await createUser();
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

/** Registers a user by the client itself. */
async function createUser(options: Partial<ClientOptions> = {}): Promise<ChatClient> {
  users += 1;
  const name = `client${users}`;
  const created = createClient({ baseUrl: app.url, ...options });
  await created.register({ username: name, email: `${name}@example.com`, password });
  return created;
}

async function toArray<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

const ask = (query: string, options: object = {}) =>
  client.ask({ character_id: characterId, query, ...options });

describe('an account', () => {
  it('logs in, shows itself and logs out', async () => {
    const storage = memoryStorage();
    const user = await createUser({ storage });
    const { username } = await user.me();
    await user.logout();
    expect(storage.load()).toBeNull();
    await expect(user.me()).rejects.toMatchObject({ name: 'ApiError', status: 401, code: 'unauthorized' });

    await user.login({ identifier: username, password });
    expect(await user.me()).toMatchObject({ username });
  });

  it('gets a typed error for a wrong password', async () => {
    const wrong = createClient({ baseUrl: app.url }).login({
      identifier: 'nobody',
      password: 'Wrong-password',
    });
    await expect(wrong).rejects.toMatchObject({
      name: 'ApiError',
      status: 400,
      code: null,
      message: 'Invalid identifier or password',
    });
  });

  it('stays logged in here after a new password', async () => {
    const [here, elsewhere] = [await createUser(), createClient({ baseUrl: app.url })];
    const { username } = await here.me();
    await elsewhere.login({ identifier: username, password });
    const next = 'Another-passw0rd';
    await here.changePassword({ currentPassword: password, password: next, passwordConfirmation: next });

    expect(await here.me()).toMatchObject({ username });
    await expect(elsewhere.me()).rejects.toMatchObject({ status: 401 });
  });
});

describe('ask', () => {
  it('yields the events of the answer with their numbers', async () => {
    app.dify.script(async (reply) => {
      await reply.say('Hel');
      await reply.say('lo');
      await reply.end();
    });
    const answer = ask('Who are you?');
    const events: TurnEvent[] = await toArray(answer);

    expect(events.map(({ seq, event }) => [seq, event])).toEqual([
      [1, 'turn_started'],
      [2, 'message'],
      [3, 'message'],
      [4, 'message_end'],
    ]);
    expect(events.reduce(textAfter, '')).toBe('Hello');
    expect([answer.turnId, answer.lastEventId]).toEqual([events[0]?.turn_id, 4]);
  });

  it('returns the whole answer with its two messages', async () => {
    const { text, outcome, question, answer } = await ask('Is it lonely?').complete();

    expect(outcome).toBe('completed');
    expect([question.role, question.query]).toEqual(['user', 'Is it lonely?']);
    expect([answer.role, answer.answer]).toEqual(['assistant', text]);
  });

  it('throws a typed error for a question that the server refuses, and for an answer that fails', async () => {
    const refused = client.ask({ character_id: 'nobody', query: 'Hi' }).complete();
    await expect(refused).rejects.toMatchObject({
      name: 'ApiError',
      status: 400,
      code: 'character-not-found',
    });

    app.dify.script(async (reply) => reply.say('Hel').then(() => reply.cut()));
    const failed = ask('Hi');
    const error = await failed.complete().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ApiError', status: 502, code: 'upstream-interrupted' });
    expect(error).toMatchObject({ details: { turn_id: failed.turnId, outcome: 'interrupted' } });
  });
});

describe('sessions and messages', () => {
  it('are listed over several pages', async () => {
    const user = await createUser();
    const sessions = [];
    for (const title of ['One', 'Two', 'Three']) sessions.push(await user.sessions.create({ title }));
    const listed = await toArray(user.sessions.list({ pageSize: 2 }));
    expect(listed.map(({ title }) => title).sort()).toEqual(['One', 'Three', 'Two']);

    const session_id = sessions[0]?.session_id ?? '';
    for (const content of ['a', 'b', 'c']) await user.messages.add({ session_id, content, role: 'user' });
    const messages = await toArray(user.sessions.messages(session_id, { pageSize: 2 }));
    expect(messages.map(({ content }) => content)).toEqual(['a', 'b', 'c']);
    const newestFirst = await toArray(user.messages.list({ pageSize: 2 }));
    expect(newestFirst.map(({ query }) => query)).toEqual(['c', 'b', 'a']);
    const pages = await toArray(user.messages.list({ pageSize: 2 }).pages());
    expect(pages.map(({ items, total }) => [items.length, total])).toEqual([
      [2, 3],
      [1, 3],
    ]);
  });

  it('are renamed, deleted and restored', async () => {
    const { session_id } = await client.sessions.create({ title: 'Winter' });
    await client.sessions.rename(session_id, 'Summer');
    expect(await client.sessions.get(session_id)).toMatchObject({ title: 'Summer' });
    await client.sessions.delete(session_id);
    await expect(client.sessions.get(session_id)).rejects.toMatchObject({
      status: 404,
      code: 'session-not-found',
    });
    await client.sessions.restore(session_id);
    expect(await client.sessions.get(session_id)).toMatchObject({ title: 'Summer' });
  });
});

describe('characters', () => {
  it('are listed and found', async () => {
    const all = await toArray(client.characters.list({ filters: { name: { $eq: 'Maren' } } }));
    expect(all.map(({ documentId }) => documentId)).toEqual([characterId]);
    expect(await client.characters.get(characterId)).toMatchObject({ name: 'Maren' });
  });
});
