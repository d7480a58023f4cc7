import { createDifyEmulator, type DifyEmulator, type DifyEmulatorOptions } from './index';
import { ask, readEvents, readJson, type JsonAnswer } from './test-client';

let dify: DifyEmulator;

async function start(options: DifyEmulatorOptions = {}): Promise<void> {
  dify = await createDifyEmulator({ titleDelayMs: 0, ...options }).listen();
}

afterEach(() => dify.close());

async function converse(query: string, user = 'ann'): Promise<string> {
  const [first] = await readEvents(await ask(dify, { query, user }));
  return String(first?.['conversation_id']);
}

const list = (query: string): Promise<JsonAnswer> => readJson(dify, `/v1/conversations?${query}`);
const idsIn = ({ json }: JsonAnswer): string[] =>
  (json as { data: { id: string }[] }).data.map(({ id }) => id);

describe('GET /conversations', () => {
  it("returns the user's own conversations, the latest first, in pages", async () => {
    await start();
    const [a, b, c] = [await converse('a'), await converse('b'), await converse('c')];
    await converse('not mine', 'bob');
    const first = await list('user=ann&limit=2');
    expect(first.json).toMatchObject({ limit: 2, has_more: true });
    expect(idsIn(first)).toEqual([c, b]);
    const second = await list(`user=ann&limit=2&last_id=${b}`);
    expect(second.json).toMatchObject({ limit: 2, has_more: false });
    expect(idsIn(second)).toEqual([a]);
    expect(idsIn(await list('user=ann&sort_by=created_at'))).toEqual([a, b, c]);
  });

  it('returns every field of a conversation', async () => {
    await start();
    const id = await converse('How is the sea?');
    const { json } = await list('user=ann');
    expect((json as { data: unknown[] }).data).toEqual([
      {
        id,
        name: expect.stringMatching(/^(How is the sea\?|New conversation)$/u),
        inputs: { prompt: null },
        status: 'normal',
        introduction: '',
        created_at: expect.any(Number),
        updated_at: expect.any(Number),
      },
    ]);
  });

  it('uses the shared user when the user is missing', async () => {
    await start();
    await converse('mine');
    const shared = await converse('shared', 'DEFAULT-USER');
    expect(idsIn(await list(''))).toEqual([shared]);
  });

  it('refuses an unknown last_id, a limit out of range and an unknown sort order', async () => {
    await start({ profile: '0.15' });
    expect(await list('user=ann&last_id=8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01')).toMatchObject({
      status: 404,
      json: { code: 'not_found', message: 'Last Conversation Not Exists.' },
    });
    const message = 'Invalid argument: 101. argument must be within the range 1 - 100';
    expect(await list('limit=101')).toMatchObject({
      status: 400,
      json: { code: 'invalid_param', message, params: 'limit' },
    });
    expect(await list('sort_by=name')).toMatchObject({
      status: 400,
      json: { message: 'name is not a valid choice' },
    });
  });
});

describe('DELETE /conversations/:id', () => {
  const remove = (id: string, user: string): Promise<JsonAnswer> =>
    readJson(dify, `/v1/conversations/${id}`, { method: 'DELETE', body: { user } });

  it.each([
    ['0.15', 200, { result: 'success' }, 404],
    ['1.x', 204, undefined, 204],
  ] as const)('hides the conversation, and replies as %s does', async (profile, status, json, unknown) => {
    await start({ profile });
    const id = await converse('x');
    expect((await remove(id, 'bob')).status).toBe(unknown);
    expect(idsIn(await list('user=ann'))).toEqual([id]);
    expect(await remove(id, 'ann')).toMatchObject({ status, json });
    expect(idsIn(await list('user=ann'))).toEqual([]);
    expect((await remove(id, 'ann')).status).toBe(unknown);
    expect(dify.conversations()).toMatchObject([{ id, deleted: true }]);
  });

  it('requires a JSON body, which may be empty', async () => {
    await start();
    const id = await converse('x', 'DEFAULT-USER');
    expect((await readJson(dify, `/v1/conversations/${id}`, { method: 'DELETE' })).status).toBe(415);
    expect((await readJson(dify, `/v1/conversations/${id}`, { method: 'DELETE', body: {} })).status).toBe(
      204,
    );
  });
});

describe('POST /conversations/:id/name', () => {
  it('renames a conversation, or generates a name', async () => {
    await start();
    const id = await converse('How is the sea?');
    const rename = (body: object): Promise<JsonAnswer> =>
      readJson(dify, `/v1/conversations/${id}/name`, { body: { user: 'ann', ...body } });
    expect(await rename({ name: 'Storms' })).toMatchObject({ status: 200, json: { id, name: 'Storms' } });
    expect(await rename({ auto_generate: true })).toMatchObject({
      status: 200,
      json: { name: 'How is the sea?' },
    });
    expect(await rename({})).toMatchObject({ status: 400, json: { code: 'invalid_param' } });
    expect(await rename({ name: 'x', user: 'bob' })).toMatchObject({ status: 404 });
  });
});
