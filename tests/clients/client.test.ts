import {
  createClient,
  textAfter,
  type ChatClient,
  type ClientOptions,
  type TurnEvent,
} from '../../clients/typescript/src/index';
import { startApp, type App } from '../support/app';
import { password } from '../support/admin';
import { until } from '../support/until';

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

describe('turns', () => {
  /** Begins an answer that ends only when it is stopped. */
  async function beginStory(): Promise<string> {
    app.dify.script(async (reply) => reply.say('Once').then(() => reply.closed));
    const answer = ask('Tell me a long story.');
    for await (const { event } of answer) if (event === 'message') break;
    return answer.turnId ?? '';
  }

  it('continue when the loop is left, and can be followed and stopped', async () => {
    const turnId = await beginStory();
    expect(await client.findTurn(turnId)).toMatchObject({ is_live: true });
    const followed = client.follow(turnId, { lastEventId: 1 }).complete();
    expect(await client.stop(turnId)).toMatchObject({
      outcome: 'stopped',
      messages: [{}, { answer: 'Once' }],
    });
    expect(await followed).toMatchObject({ text: 'Once', outcome: 'stopped' });
  });

  it('continue when the signal of their reader fires', async () => {
    app.dify.script(async (reply) => reply.say('Once').then(() => reply.closed));
    const leaving = new AbortController();
    const answer = ask('Tell me a long story.', { signal: leaving.signal });
    const read = async () => {
      for await (const { event } of answer) if (event === 'message') leaving.abort();
    };
    await expect(read()).rejects.toHaveProperty('name', 'AbortError');
    expect(await client.stop(answer.turnId ?? '')).toMatchObject({ outcome: 'stopped' });
  });

  it('send no event to a client that has the last one', async () => {
    const answer = ask('Hi');
    await answer.complete();
    const late = client.follow(answer.turnId ?? '', { lastEventId: answer.lastEventId });
    expect(await toArray(late)).toEqual([]);
  });

  it('are asked once for each idempotency key', async () => {
    const options = { idempotencyKey: 'one-key' };
    const first = await ask('Once?', options).complete();
    const again = await ask('Once?', options).complete();
    expect(again.answer.message_id).toBe(first.answer.message_id);
    await expect(ask('Another?', options).complete()).rejects.toMatchObject({
      code: 'idempotency-key-reused',
    });
  });

  it('are asked again, in the same and in other words', async () => {
    const { question } = await ask('And in winter?').complete();
    const again = await client.regenerate(question.turn_id ?? '').complete();
    expect(again.question).toMatchObject({ query: 'And in winter?', parent_message_id: question.message_id });
    const edited = await client.editQuestion(question.message_id, 'And in summer?').complete();
    expect(edited.question).toMatchObject({
      query: 'And in summer?',
      parent_message_id: question.message_id,
    });
  });
});

describe('messages', () => {
  it('are rated, marked as read, edited, deleted and restored', async () => {
    const { question, answer } = await ask('Do you like the sea?').complete();
    const [asked, answered] = [question.message_id, answer.message_id];
    expect(await client.messages.feedback(answered, 'like', 'Nice')).toMatchObject({ feedback: 'like' });
    expect(await client.messages.markAsRead(answered)).toMatchObject({ message_status: 'read' });
    expect(await client.messages.suggestedQuestions(answered)).toEqual([]);

    const find = () => client.sessions.message(question.session_id ?? '', asked);
    await client.messages.edit(asked, 'Do you like the storm?');
    expect(await find()).toMatchObject({ content: 'Do you like the storm?' });
    await client.messages.delete(asked);
    await expect(find()).rejects.toMatchObject({ code: 'message-not-found' });
    await client.messages.restore(asked);
    expect(await find()).toMatchObject({ public_id: asked });
  });

  it('are found by their text', async () => {
    const { question } = await ask('Have you seen a narwhal?').complete();
    const hits = await toArray(client.messages.search('narwhal', { pageSize: 1 }));
    expect(hits.map(({ public_id }) => public_id)).toContain(question.message_id);
  });
});

describe('files', () => {
  it('are uploaded and sent with a question', async () => {
    const png =
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';
    const file = new Blob([Buffer.from(png, 'base64')], { type: 'image/png' });
    const uploaded = await client.files.upload({ character_id: characterId, file, name: 'sea.png' });
    const files = [client.files.toQuestionFile(uploaded)];
    const { question } = await ask('What is this?', { files }).complete();

    expect(question.files).toEqual([expect.objectContaining({ type: 'image', upload_file_id: uploaded.id })]);
  });
});

describe('own data', () => {
  it('has personal tokens that are created, used and revoked', async () => {
    const user = await createUser();
    const { token_id, token } = await user.personalTokens.create({ name: 'Home server', scopes: ['read'] });
    const reader = createClient({ baseUrl: app.url, token });
    expect(await toArray(reader.sessions.list())).toEqual([]);
    await expect(reader.sessions.create()).rejects.toMatchObject({ status: 403, code: 'token-scope' });
    expect(await user.personalTokens.list()).toMatchObject([{ token_id, name: 'Home server' }]);
    await user.personalTokens.revoke(token_id);
    await expect(toArray(reader.sessions.list())).rejects.toMatchObject({ status: 401 });
  });

  it('is exported and erased', async () => {
    const user = await createUser();
    await user.ask({ character_id: characterId, query: 'Hi' }).complete();
    const lines = await toArray(user.ownData.export());
    expect(lines.map(({ type }) => type)).toEqual(['user', 'session', 'message', 'message']);
    expect(await user.ownData.erase()).toEqual({ sessions: 1, messages: 2 });
    expect(await toArray(user.messages.list())).toEqual([]);
  });

  it('has a history with statistics', async () => {
    const user = await createUser();
    const { question } = await user.ask({ character_id: characterId, query: 'Hi' }).complete();
    await until(async () => (await toArray(user.history.conversations())).length === 1);
    const [conversation] = await toArray(user.history.conversations());
    expect(conversation?.conversation_id).toBe(question.session_id);
    const messages = await toArray(user.history.messages(question.session_id ?? '', { pageSize: 1 }));
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(await user.history.statistics()).toMatchObject({ conversations: 1, totals: { records: 1 } });
    await user.history.delete(question.session_id ?? '');
    expect(await toArray(user.history.conversations())).toEqual([]);
  });
});

describe('characters', () => {
  it('are listed and found', async () => {
    const all = await toArray(client.characters.list({ filters: { name: { $eq: 'Maren' } } }));
    expect(all.map(({ documentId }) => documentId)).toEqual([characterId]);
    expect(await client.characters.get(characterId)).toMatchObject({ name: 'Maren' });
  });
});
