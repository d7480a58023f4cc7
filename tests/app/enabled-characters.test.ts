import { startApp, type App } from '../support/app';
import type { CharacterIds } from '../support/admin';
import { createClient, type Client } from '../support/client';

let app: App;
let user: Client;
const ids: Record<string, CharacterIds> = {};

const shown = async (query = '') => {
  const { body } = await user.get(`/api/ai-characters${query}`);
  return [body.data.map(({ name }: { name: string }) => name), body.meta.pagination.total];
};

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  const prompt = 'You are a witness.';
  for (const [name, order, enabled] of [
    ['Cleo', 2, true],
    ['Ada', 5, true],
    ['Bea', null, null],
    ['Off', 1, true],
  ] as const) {
    ids[name] = await app.admin.createCharacter({ name, prompt, order, enabled });
  }
});
afterAll(() => app.stop());

const setEnabled = (enabled: boolean) =>
  app.admin.publish(ids['Off']!.documentId, { name: 'Off', prompt: 'You are a witness.', enabled });

describe('order', () => {
  it('sorts the list of characters, and an empty one counts as 0', async () => {
    expect(await shown()).toEqual([['Bea', 'Off', 'Cleo', 'Ada'], 4]);
  });

  it('gives way to the sort of the client', async () => {
    expect(await shown('?sort=name')).toEqual([['Ada', 'Bea', 'Cleo', 'Off'], 4]);
  });

  it('is not in replies, and no client can filter or sort by it', async () => {
    const { body } = await user.get('/api/ai-characters');
    expect(Object.keys(body.data[0])).not.toEqual(expect.arrayContaining(['order']));
    expect((await user.get('/api/ai-characters?sort=order')).status).toBe(400);
    expect((await user.get('/api/ai-characters?filters[enabled][$eq]=true')).status).toBe(400);
  });
});

describe('a disabled character', () => {
  let session_id: string;
  beforeAll(async () => {
    const { body } = await user.ask({ character_id: ids['Off']!.documentId, query: 'Still there?' });
    session_id = body.data[0].session_id;
    await setEnabled(false);
  });

  it('is not listed, and is the same 404 as an unknown one', async () => {
    expect(await shown()).toEqual([['Bea', 'Cleo', 'Ada'], 3]);
    expect(await shown('?filters[name][$eq]=Off')).toEqual([[], 0]);
    const hidden = await user.get(`/api/ai-characters/${ids['Off']!.documentId}`);
    const unknown = await user.get('/api/ai-characters/zzzzzzzzzzzzzzzzzzzzzzzz');
    expect([hidden.status, hidden.text]).toEqual([404, unknown.text]);
  });

  it('cannot be asked, in a new session and in an old one', async () => {
    for (const session of [{}, { session_id }]) {
      const { status, body } = await user.ask({
        character_id: ids['Off']!.documentId,
        query: 'Hello?',
        ...session,
      });
      expect([status, body.error.details.code]).toEqual([400, 'character-not-found']);
    }
  });

  it('keeps its name in earlier messages', async () => {
    const { body } = await user.myList();
    expect(body.data[0]).toMatchObject({ session_id, ai_character: { name: 'Off' } });
  });

  it('is visible to an API token', async () => {
    const full = { name: 'full', description: '', type: 'full-access', lifespan: null };
    const { body } = await app.admin.client.post('/admin/api-tokens', full);
    const token = createClient(app.url, String(body.data.accessKey));
    expect((await token.get(`/api/ai-characters/${ids['Off']!.documentId}`)).status).toBe(200);
  });

  it('answers again once it is enabled', async () => {
    await setEnabled(true);
    const { status } = await user.ask({ character_id: ids['Off']!.documentId, query: 'Back?', session_id });
    expect(status).toBe(200);
  });
});

it('characters of an earlier release are enabled', async () => {
  await app.db('ai_characters').update({ enabled: null, order: null });
  expect((await user.ask({ character_id: ids['Ada']!.documentId, query: 'Now?' })).status).toBe(200);
  expect((await shown())[1]).toBe(4);
  await app.killAndRestart();
  expect(await app.db('ai_characters').whereNull('enabled').orWhereNull('order')).toEqual([]);
});
