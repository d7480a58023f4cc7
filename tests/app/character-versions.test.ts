import type { CharacterFields } from '../support/admin';
import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import { createClient, type Client } from '../support/client';
import { database } from '../support/database';

const uid = 'api::ai-character.ai-character';
const characters = `/content-manager/collection-types/${uid}`;
const table = 'chat_character_versions';

let app: App;
let admin: Client;
let user: Client;

beforeAll(async () => {
  app = await startApp();
  admin = app.admin.client;
  user = await app.createUser();
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

const path = (documentId: string, rest = '') => `/admin/character-chat/versions/${documentId}${rest}`;

async function create(fields: CharacterFields = {}): Promise<string> {
  return (await app.admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.', ...fields })).documentId;
}

async function numbersOf(documentId: string): Promise<number[]> {
  return app.db(table).where({ document_id: documentId }).orderBy('version').pluck('version');
}

async function versionsOf(documentId: string, client = admin): Promise<Record<string, unknown>[]> {
  const { status, body } = await client.get(path(documentId));
  expect(status).toBe(200);
  return body.data;
}

/** Asks a question. @returns the version in the row of the answer. */
async function askAndReadVersion(documentId: string): Promise<unknown> {
  const { status, body } = await user.ask({ character_id: documentId, query: 'Hi' });
  expect(status).toBe(200);
  const row = await app.db('chat_conversations').where({ message_id: body.data[1].message_id }).first();
  return row.character_version;
}

describe('a publish', () => {
  it('keeps a version if a field of the answer has changed', async () => {
    const documentId = await create();
    await app.admin.publish(documentId);
    expect(await numbersOf(documentId)).toEqual([1]);
    await app.admin.publish(documentId, { prompt: 'You are Ada, a poet.' });
    await app.admin.publish(documentId, { inputs: { style: 'short' } });
    await app.admin.publish(documentId, { prompt: 'You are Ada.', inputs: null });
    expect(await numbersOf(documentId)).toEqual([1, 2, 3, 4]);
    const { body } = await admin.get(path(documentId, '/3'));
    expect(body.data).toMatchObject({
      name: 'Ada',
      prompt: 'You are Ada, a poet.',
      inputs: { style: 'short' },
    });
  });

  it('of a draft that was only saved keeps nothing', async () => {
    const { documentId } = await app.admin.createDraft({ prompt: 'You are Ada.' });
    await admin.request('PUT', `${characters}/${documentId}`, { body: { prompt: 'Other.' } });
    expect(await numbersOf(documentId)).toEqual([]);
  });

  it('of several characters together keeps a version of each', async () => {
    const drafts = await Promise.all(
      ['Ada', 'Bo'].map((name) => app.admin.createDraft({ name, prompt: `You are ${name}.` })),
    );
    const documentIds = drafts.map(({ documentId }) => documentId);
    const { status } = await admin.post(`${characters}/actions/bulkPublish`, { documentIds });
    expect(status).toBe(200);
    for (const documentId of documentIds) expect(await numbersOf(documentId)).toEqual([1]);
  });

  it('with an API token keeps a version without an administrator', async () => {
    const token = { name: 'editor', description: '', type: 'full-access', lifespan: null };
    const { body } = await admin.post('/admin/api-tokens', token);
    const editor = createClient(app.url, String(body.data.accessKey));
    const data = { name: 'Ada', prompt: 'You are Ada.' };
    const made = await editor.post('/api/ai-characters', { data });
    expect(made.status).toBe(201);
    const { documentId } = made.body.data;
    const put = { body: { data: { introduce: 'Hello.' } } };
    expect((await editor.request('PUT', `/api/ai-characters/${documentId}`, put)).status).toBe(200);
    const listed = await versionsOf(documentId);
    expect(listed.map(({ version, publishedBy }) => [version, publishedBy])).toEqual([
      [2, null],
      [1, null],
    ]);
  });

  it('that is rolled back keeps nothing', async () => {
    const { documentId } = await app.admin.createDraft({});
    // The second character has no name, which is required. Strapi then publishes neither.
    const nameless = (await admin.post(characters, { prompt: 'Nobody.' })).body.data.documentId;
    const documentIds = [documentId, nameless];
    const { status } = await admin.post(`${characters}/actions/bulkPublish`, { documentIds });
    expect(status).toBe(400);
    expect(await numbersOf(documentId)).toEqual([]);
  });

  it('never keeps the API key', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: `app-${canaries.key}` });
    const rows = await app.db(table).where({ document_id: documentId });
    expect(rows).toHaveLength(1);
    const [{ upstream_key: sealed }] = await app.db('ai_characters').where({ document_id: documentId });
    expect(rows[0].fields).not.toMatch(/upstream_key/u);
    expect(rows[0].fields).not.toContain(sealed);
    expect((await admin.get(path(documentId, '/1'))).body.data).not.toHaveProperty('upstream_key');
  });
});

describe('the answer of a turn', () => {
  it('stores the version that was published when the question came', async () => {
    const documentId = await create();
    expect(await askAndReadVersion(documentId)).toBe(1);
    await app.admin.publish(documentId, { prompt: 'You are Ada, a poet.' });
    expect(await askAndReadVersion(documentId)).toBe(2);
    await admin.request('PUT', `${characters}/${documentId}`, { body: { prompt: 'A draft.' } });
    expect(await askAndReadVersion(documentId)).toBe(2);
  });

  it('shows no version to users', async () => {
    const documentId = await create();
    await askAndReadVersion(documentId);
    const [list, stock] = [await user.myList(), await user.get('/api/chat-conversations')];
    expect(list.text + stock.text).not.toMatch(/character_version/u);
  });
});

describe('the list of versions', () => {
  it('counts answers, ratings, stops, errors and tokens of each version', async () => {
    const documentId = await create();
    const asked = await user.ask({ character_id: documentId, query: 'One' });
    const [, answer] = asked.body.data;
    const feedback = `/api/chat-conversations/messages/${encodeURIComponent(answer.message_id)}/feedback`;
    await user.request('PUT', feedback, { body: { data: { rating: 'like' } } });
    app.dify.next('plain-500');
    expect((await user.ask({ character_id: documentId, query: 'Two' })).status).toBe(502);
    await app.admin.publish(documentId, { prompt: 'You are Ada, a poet.' });
    const listed = await versionsOf(documentId);
    const tokens = answer.usage.total_tokens;
    expect(tokens).toBeGreaterThan(0);
    const none = { answers: 0, likes: 0, dislikes: 0, stops: 0, errors: 0, tokens: 0 };
    const common = { publishedAt: expect.any(String), publishedBy: 'Ada Editor' };
    expect(listed).toEqual([
      { version: 2, ...common, ...none },
      { version: 1, ...common, ...none, answers: 2, likes: 1, errors: 1, tokens },
    ]);
  });

  it('reads the answers by one index', async () => {
    const explain = database === 'sqlite' ? 'explain query plan' : 'explain';
    if (database === 'postgres') await app.db.raw('set enable_seqscan = off');
    const plan: unknown = await app.db.raw(
      `${explain} select character_version, count(*) from chat_conversations
        where ai_character_document_id = 'some' and character_version is not null
        and character_version in (1, 2) group by character_version`,
    );
    expect(JSON.stringify(plan)).toMatch(/chat_conversations_character_version_idx/u);
  });

  it('has pages', async () => {
    const documentId = await create();
    for (let count = 2; count <= 21; count += 1) await app.admin.publish(documentId, { prompt: `${count}` });
    const { body } = await admin.get(path(documentId, '?page=2'));
    expect(body.data.map(({ version }: { version: number }) => version)).toEqual([1]);
    expect(body.meta).toEqual({ page: 2, pageSize: 20, total: 21, mayRestore: true });
  });

  it('ends with its character', async () => {
    const documentId = await create();
    expect((await admin.request('DELETE', `${characters}/${documentId}`)).status).toBe(200);
    expect(await numbersOf(documentId)).toEqual([]);
  });
});

describe('a restore', () => {
  const restore = (client: Client, documentId: string, version: number) =>
    client.post(path(documentId, `/${version}/restore`), {});
  const read = async (documentId: string, status: 'draft' | 'published') =>
    (await admin.get(`${characters}/${documentId}?status=${status}`)).body.data;

  it('writes the fields into the draft only, and keeps the API key', async () => {
    const first = { prompt: 'You are Ada.', suggested_questions: ['Why?'], inputs: { style: 'short' } };
    const documentId = await create({ ...first, upstream: 'dify', upstream_key: `app-${canaries.key}` });
    const second = { prompt: 'You are Bo.', suggested_questions: null, inputs: null, introduce: 'Hi.' };
    await app.admin.publish(documentId, second);
    const { status, body } = await restore(admin, documentId, 1);
    expect({ status, data: body.data }).toEqual({
      status: 200,
      data: { restored: ['prompt', 'introduce', 'suggested_questions', 'inputs'], skipped: [] },
    });
    expect(await read(documentId, 'draft')).toMatchObject({ ...first, upstream_key: '********' });
    expect(await read(documentId, 'published')).toMatchObject(second);
    expect(await numbersOf(documentId)).toEqual([1, 2]);
  });

  it('leaves out the fields that the role may not change', async () => {
    const documentId = await create({ introduce: 'First.' });
    await app.admin.publish(documentId, { introduce: 'Second.', prompt: 'Second.' });
    const fields = ['name', 'prompt', 'introduce'];
    const role = await app.admin.createRole('changes introductions', [
      { action: 'plugin::content-manager.explorer.read', subject: uid, properties: { fields } },
      {
        action: 'plugin::content-manager.explorer.update',
        subject: uid,
        properties: { fields: ['introduce'] },
      },
    ]);
    const { body } = await restore(await app.admin.createAdministrator(role), documentId, 1);
    expect(body.data).toEqual({ restored: ['introduce'], skipped: ['prompt'] });
    expect(await read(documentId, 'draft')).toMatchObject({ introduce: 'First.', prompt: 'Second.' });
  });

  it('is refused without the right to change the character', async () => {
    const documentId = await create();
    const properties = { fields: ['name', 'prompt'] };
    const read_ = { action: 'plugin::content-manager.explorer.read', subject: uid, properties };
    const role = await app.admin.createRole('reads prompts', [read_]);
    const reader = await app.admin.createAdministrator(role);
    expect((await versionsOf(documentId, reader)).length).toBe(1);
    expect((await reader.get(path(documentId, '/1'))).body.data).toEqual({
      name: 'Ada',
      prompt: 'You are Ada.',
    });
    expect((await restore(reader, documentId, 1)).status).toBe(403);
  });
});

describe('the routes answer', () => {
  it('403 to a role that may not read prompts, and 401 to a user', async () => {
    const documentId = await create();
    const properties = { fields: ['name'] };
    const read = { action: 'plugin::content-manager.explorer.read', subject: uid, properties };
    const role = await app.admin.createRole('reads names', [read]);
    const reader = await app.admin.createAdministrator(role);
    for (const rest of ['', '/1', '/draft']) {
      expect((await reader.get(path(documentId, rest))).status).toBe(403);
      expect((await user.get(path(documentId, rest))).status).toBe(401);
    }
    expect((await user.post(path(documentId, '/1/restore'), {})).status).toBe(401);
  });

  it('404 for an unknown character or version', async () => {
    const documentId = await create();
    const unknown = [path('unknown'), path(documentId, '/2'), path(documentId, '/x'), path('unknown', '/1')];
    for (const one of unknown) expect((await admin.get(one)).status).toBe(404);
  });
});

it('a character of an earlier release gets version 1 when the server starts', async () => {
  const documentId = await create();
  await app.db(table).where({ document_id: documentId }).delete();
  await app.signal('SIGTERM');
  await app.restart();
  expect(await numbersOf(documentId)).toEqual([1]);
  expect(await askAndReadVersion(documentId)).toBe(1);
});
