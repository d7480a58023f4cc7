import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { createGate } from '../support/gate';

let app: App;
let user: Client;
let characterId: string;
let paths: Readonly<Record<string, string>>;

const base = '/api/chat-conversations';

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
  const { body } = await user.ask({ character_id: characterId, query: 'How is the sea today?' });
  const [question] = body.data;
  const session = `/api/chat/sessions/${question.session_id}`;
  paths = {
    'my-list': `${base}/my-list`,
    'my-list with fields': `${base}/my-list?fields=query,answer`,
    turn: `${base}/turns/${question.turn_id}`,
    characters: '/api/ai-characters',
    character: `/api/ai-characters/${characterId}`,
    sessions: `/aichat/getsessionlist/${user.user.id}`,
    'first screen': `/aichat/getsessionlistshow/${user.user.id}`,
    session,
    'session with messages': `/aichat/sessions/${question.session_id}`,
    'messages of a session': `${session}/messages`,
    'message of a session': `${session}/messages/${question.id}`,
    'hits of a search': '/api/chat/search?q=sea',
    tokens: '/api/chat/tokens',
    conversations: `/users/${user.user.id}/conversations`,
    'messages of a conversation': `/conversations/${question.session_id}/messages`,
    'conversations of the Dify API': `/api/dify/${characterId}/v1/conversations`,
    history: '/api/v1/conversations',
    'OpenAPI document': '/api/openapi.json',
    readiness: '/api/chat/ready',
  };
});
afterAll(() => app.stop());

const names = [
  ...['my-list', 'my-list with fields', 'turn', 'characters', 'character', 'sessions', 'first screen'],
  ...['session', 'session with messages', 'messages of a session', 'message of a session'],
  ...['hits of a search', 'tokens', 'conversations', 'messages of a conversation'],
  ...['conversations of the Dify API', 'history'],
];
const publicNames = ['OpenAPI document', 'readiness'];

const pathOf = (name: string) => String(paths[name]);

describe('the ETag of a JSON reply', () => {
  it.each([...names, ...publicNames])('saves a client the same reply again: %s', async (name) => {
    const first = await user.get(pathOf(name));
    const tag = String(first.headers.get('ETag'));
    const again = await user.request('GET', pathOf(name), { headers: { 'If-None-Match': `"old", ${tag}` } });

    expect([first.status, tag]).toEqual([200, expect.stringMatching(/^W\/"/u)]);
    expect([again.status, again.text]).toEqual([304, '']);
    for (const header of ['ETag', 'Cache-Control', 'Vary'])
      expect([header, again.headers.get(header)]).toEqual([header, first.headers.get(header)]);
  });

  it.each(names)('is for the cache of its user only: %s', async (name) => {
    const { headers } = await user.get(pathOf(name));
    const vary = headers.get('Vary')?.split(', ');

    expect(headers.get('Cache-Control')).toBe('private, no-cache');
    expect(vary).toEqual(expect.arrayContaining(['Authorization', 'Accept-Encoding', 'Origin']));
  });

  it('changes with the list', async () => {
    const client = await app.createUser();
    await client.ask({ character_id: characterId, query: 'First' });
    const tag = String((await client.myList()).headers.get('ETag'));
    await client.ask({ character_id: characterId, query: 'Second' });
    const next = await client.request('GET', pathOf('my-list'), { headers: { 'If-None-Match': tag } });

    expect([next.status, next.body.data.length]).toEqual([200, 4]);
    expect(next.headers.get('ETag')).not.toBe(tag);
  });

  it('gives nothing away without the login', async () => {
    const headers = { 'If-None-Match': '*' };
    const { status } = await app.anonymous.request('GET', pathOf('my-list'), { headers });
    const missing = await user.request('GET', '/api/chat/sessions/unknown', { headers });

    expect([status, missing.status]).toEqual([401, 404]);
    expect(missing.headers.get('ETag')).toBeNull();
  });
});

describe('the compression of replies', () => {
  it('makes lists small, and leaves their text', async () => {
    const plain = await user.request('GET', pathOf('my-list'), {
      headers: { 'Accept-Encoding': 'identity' },
    });
    const small = await user.request('GET', pathOf('my-list'), { headers: { 'Accept-Encoding': 'gzip' } });

    expect([plain, small].map(({ headers }) => headers.get('Content-Encoding'))).toEqual([null, 'gzip']);
    expect(small.text).toBe(plain.text);
  });

  it('leaves an event stream, whose events arrive one by one', async () => {
    const gate = createGate();
    app.dify.script(async (reply) => {
      await reply.say('word');
      await gate.opened;
      await reply.end();
    });
    const { headers, events } = await user.open('POST', `${base}/create-message?format=compact`, {
      body: { data: { character_id: characterId, query: 'One by one' } },
      headers: { 'Accept-Encoding': 'gzip' },
    });
    await events.next();
    const { value } = await events.next();
    gate.open();
    for await (const _event of events);

    expect(value).toMatchObject({ event: 'message', data: { answer: 'word' } });
    expect([headers.get('Content-Encoding'), headers.get('ETag')]).toEqual([null, null]);
    expect(headers.get('Cache-Control')).toContain('no-transform');
  });

  it('leaves an export in JSON Lines and the reply to a login', async () => {
    const headers = { 'Accept-Encoding': 'gzip' };
    const lines = await user.request('GET', '/api/chat/export', { headers });
    const login = await app.anonymous.request('GET', '/api/users/me', {
      headers: { ...headers, Authorization: `Bearer ${user.token}` },
    });

    expect([lines, login].map(({ status }) => status)).toEqual([200, 200]);
    for (const reply of [lines, login]) expect(reply.headers.get('Content-Encoding')).toBeNull();
  });
});
