import { createParser } from 'eventsource-parser';

import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import type { Client } from '../support/client';
import { until } from '../support/until';

const uid = 'api::ai-character.ai-character';
const right = { action: 'api::chat-trials.create' };
const readPrompts = {
  action: 'plugin::content-manager.explorer.read',
  subject: uid,
  properties: { fields: ['name', 'prompt'] },
};

let app: App;
let admin: Client;
let documentId: string;
let trials = 0;

beforeAll(async () => {
  app = await startApp();
  admin = app.admin.client;
  ({ documentId } = await app.admin.createCharacter({ prompt: 'You are Ada, published.' }));
  const body = { prompt: 'You are Ada, a draft.' };
  await admin.request('PUT', `/content-manager/collection-types/${uid}/${documentId}`, { body });
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

interface Event {
  readonly type: string;
  readonly text?: string;
  readonly outcome?: string;
  readonly usage?: Readonly<Record<string, unknown>> | null;
  readonly ms?: number;
  readonly error?: string | null;
}

const newTrial = () => `trial-${String((trials += 1)).padStart(8, '0')}`;

const post = (body: object, client = admin, signal?: AbortSignal) =>
  fetch(`${app.url}/admin/character-chat/trials`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${client.token}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ trialId: newTrial(), documentId, side: 'draft', query: 'Hi', ...body }),
    ...(signal !== undefined && { signal }),
  });

/** Asks, and returns the events of the answer. */
async function ask(body: object, client = admin): Promise<Event[]> {
  const response = await post(body, client);
  expect(response.status).toBe(200);
  const text = await response.text();
  expect(text).not.toContain(canaries.key);
  const events: Event[] = [];
  createParser({ onEvent: ({ data }) => void events.push(JSON.parse(data) as Event) }).feed(text);
  return events;
}

const textOf = (events: readonly Event[]): string => events.map(({ text = '' }) => text).join('');
const asked = () => app.dify.requests.filter(({ path }) => path.endsWith('/chat-messages'));

/** The tables of users, which a trial must not change. */
async function countRows(): Promise<unknown[]> {
  const tables = ['chat_conversations', 'chat_sessions', 'chat_limits'];
  return Promise.all(tables.map((table) => app.db(table).count({ count: '*' }).first()));
}

describe('a trial', () => {
  it('streams the answer of the saved draft, with tokens and time', async () => {
    const events = await ask({});
    expect(asked().at(-1)?.body).toMatchObject({
      inputs: { prompt: 'You are Ada, a draft.' },
      user: 'trial',
    });
    expect(textOf(events)).not.toBe('');
    expect(events.at(-1)).toEqual({
      type: 'ended',
      outcome: 'completed',
      usage: expect.objectContaining({ total_tokens: expect.any(Number) }),
      ms: expect.any(Number),
      error: null,
      errorDetail: null,
    });
  });

  it('streams the answer of the published version on request', async () => {
    await ask({ side: 'published' });
    expect(asked().at(-1)?.body).toMatchObject({ inputs: { prompt: 'You are Ada, published.' } });
  });

  it('continues its conversation, each side for itself, until it is cleared', async () => {
    const trialId = newTrial();
    const conversations = async (side: string) => {
      await ask({ trialId, side });
      return (asked().at(-1)?.body as { conversation_id: string }).conversation_id;
    };
    expect(await conversations('draft')).toBe('');
    const first = await conversations('draft');
    expect(first).not.toBe('');
    expect(await conversations('published')).toBe('');
    expect((await admin.request('DELETE', `/admin/character-chat/trials/${trialId}`)).status).toBe(204);
    expect(await conversations('draft')).toBe('');
    const isDeleted = () =>
      app.dify.requests.some(({ method, path }) => method === 'DELETE' && path.includes(first));
    await until(isDeleted);
  });

  it('changes no message, no session, and no limit of users', async () => {
    const before = await countRows();
    await ask({});
    expect(await countRows()).toEqual(before);
  });

  it('stops in the upstream when its reader leaves', async () => {
    const leaving = new AbortController();
    app.dify.script(async (reply) => {
      await reply.say('Hel');
      await reply.closed;
    });
    const response = await post({}, admin, leaving.signal);
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort();
    const isStopped = () => app.dify.requests.some(({ path }) => path.endsWith('/stop'));
    await until(isStopped);
  });

  it('ends with a sentence if the upstream fails', async () => {
    app.dify.next('plain-500');
    const end = (await ask({})).at(-1);
    expect(end).toMatchObject({ type: 'ended', outcome: 'failed', error: expect.stringMatching(/\w+/u) });
  });
});

describe('the history of trials', () => {
  const listOf = async (query: string, client = admin) =>
    client.get(`/admin/character-chat/trials?documentId=${query}`);

  it('shows who asked what, which version answered, the tokens and the errors, newest first', async () => {
    app.dify.next('plain-500');
    await ask({ side: 'published', query: 'Does it fail?' });
    const [end] = (await ask({ query: 'Who are you?' })).slice(-1);
    const { status, body } = await listOf(documentId);
    expect(status).toBe(200);
    const [draft, published] = body.data;
    expect(draft).toEqual({
      id: expect.any(Number),
      at: expect.stringMatching(/Z$/u),
      editor: 'Ada Editor',
      side: 'draft',
      version: null,
      hash: expect.stringMatching(/^[\da-f]{64}$/u),
      query: 'Who are you?',
      answer: expect.stringMatching(/\w/u),
      outcome: 'completed',
      error: null,
      errorDetail: null,
      usage: end?.usage,
      ms: end?.ms,
    });
    expect(published).toMatchObject({
      side: 'published',
      version: 1,
      outcome: 'failed',
      query: 'Does it fail?',
    });
    expect(published.error).toMatch(/\w/u);
    expect(published.hash).not.toBe(draft.hash);
  });

  it('names the version that a draft equals', async () => {
    const { documentId: same } = await app.admin.createCharacter({ prompt: 'You are the same.' });
    await ask({ documentId: same });
    expect((await listOf(same)).body.data[0]).toMatchObject({ side: 'draft', version: 1 });
  });

  it('comes in pages of ten', async () => {
    const { documentId: busy } = await app.admin.createCharacter({ prompt: 'You are busy.' });
    for (let count = 0; count < 11; count += 1) await ask({ documentId: busy, query: `Question ${count}` });
    const first = (await listOf(busy)).body;
    expect(first.data).toHaveLength(10);
    const rest = (await listOf(`${busy}&before=${first.nextBefore}`)).body;
    expect(rest.data.map(({ query }: { query: string }) => query)).toEqual(['Question 0']);
    expect(rest.nextBefore).toBeNull();
  });

  it('needs the right to try characters and the right to read prompts', async () => {
    const reader = await app.admin.createAdministrator(
      await app.admin.createRole('only reads', [readPrompts]),
    );
    const trier = await app.admin.createAdministrator(await app.admin.createRole('only tries', [right]));
    const both = await app.admin.createRole('reads, tries', [readPrompts, right]);
    expect((await listOf(documentId, reader)).status).toBe(403);
    expect((await listOf(documentId, trier)).status).toBe(403);
    expect((await listOf(documentId, await app.createUser())).status).toBe(401);
    expect((await listOf(documentId, await app.admin.createAdministrator(both))).status).toBe(200);
    expect((await listOf('unknown')).status).toBe(404);
    expect((await admin.get('/admin/character-chat/trials')).status).toBe(400);
  });

  it('is in no list, sum or export of users, and in no usage', async () => {
    const user = await app.createUser();
    const read = async () => [
      (await user.get('/api/chat/sessions')).body,
      (await admin.get('/admin/character-chat/conversations')).body,
      (await admin.get('/admin/character-chat/usage?by=character')).body,
      (await admin.get(`/admin/character-chat/versions/${documentId}`)).body,
    ];
    const before = await read();
    await ask({ query: 'Who counts this?' });
    expect(await read()).toEqual(before);
  });

  it('continues a trial after a restart of the server', async () => {
    const trialId = newTrial();
    await ask({ trialId });
    const { conversation_id: conversation } = await app
      .db('chat_trials')
      .orderBy('id', 'desc')
      .first('conversation_id');
    expect(conversation).toMatch(/\w/u);
    await app.killAndRestart();
    await ask({ trialId });
    expect(asked().at(-1)?.body).toMatchObject({ conversation_id: conversation });
  });

  it('keeps trials for CHAT_TRIAL_RETENTION_DAYS, and ends those that nobody continues for a day', async () => {
    const dayMs = 86_400_000;
    const { documentId: old } = await app.admin.createCharacter({ prompt: 'You are old.' });
    for (const query of ['outdated', 'idle', 'new']) await ask({ documentId: old, query });
    const rows = () => app.db('chat_trials').where({ document_id: old });
    const age = (query: string, days: number) =>
      rows()
        .where({ query })
        .update({ at: Date.now() - days * dayMs });
    await age('outdated', 91);
    await age('idle', 89);
    const { conversation_id: idle } = await rows().where({ query: 'idle' }).first('conversation_id');
    await app.killAndRestart();
    await until(async () => (await rows()).length === 2);
    expect(await rows().whereNotNull('thread').select('query')).toEqual([{ query: 'new' }]);
    await until(() =>
      app.dify.requests.some(({ method, path }) => method === 'DELETE' && path.includes(idle)),
    );
  });
});

describe('the route answers', () => {
  it('403 without the right, 403 without the right to read prompts, and 401 to a user', async () => {
    const reader = await app.admin.createAdministrator(await app.admin.createRole('reads', [readPrompts]));
    const trier = await app.admin.createAdministrator(await app.admin.createRole('tries', [right]));
    const both = await app.admin.createRole('reads and tries', [readPrompts, right]);
    const user = await app.createUser();
    const statuses = [reader, trier, user].map(async (client) => (await post({}, client)).status);
    expect(await Promise.all(statuses)).toEqual([403, 403, 401]);
    expect(textOf(await ask({}, await app.admin.createAdministrator(both)))).not.toBe('');
  });

  it('400 for a wrong body and for a character without a prompt, and 404 for an unknown one', async () => {
    const { documentId: silent } = await app.admin.createDraft({ name: 'Silent' });
    const bodies = [{ query: ' ' }, { side: 'other' }, { trialId: 'x' }, { documentId: silent }];
    for (const body of bodies) expect((await post(body)).status).toBe(400);
    expect((await post({ documentId: 'unknown' })).status).toBe(404);
    expect((await post({ documentId: silent, side: 'published' })).status).toBe(404);
  });

  it('429 to an administrator who reads four answers already', async () => {
    const leaving = new AbortController();
    for (let count = 0; count < 4; count += 1) {
      app.dify.script(async (reply) => {
        await reply.say('Hel');
        await reply.closed;
      });
    }
    await Promise.all([1, 2, 3, 4].map(() => post({}, admin, leaving.signal)));
    expect((await post({})).status).toBe(429);
    leaving.abort();
    await until(async () => (await post({})).status === 200);
  });
});
