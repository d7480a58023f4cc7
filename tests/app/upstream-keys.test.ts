import { createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import type { CharacterFields } from '../support/admin';
import { startApp, type App } from '../support/app';
import { canaries } from '../support/canaries';
import { createClient, type Client, type Reply } from '../support/client';
import { database } from '../support/database';
import { until } from '../support/until';
import { withMcp } from '../support/with-mcp';

const uid = 'api::ai-character.ai-character';
const characters = `/content-manager/collection-types/${uid}`;
const key = canaries.characterKey;
const mask = '********';
const appId = '7f3c1f0e-6a51-4f0b-9a9e-2f6f5d0c1b11';
/** The beginning of every text that Strapi has encrypted. */
const encrypted = /v1:[\da-f]{32}:/u;

let app: App;
let admin: Client;
/** An API token with full access. */
let token: Client;
let hooks: Server;
/** What the webhook has received. */
const payloads: string[] = [];

beforeAll(async () => {
  hooks = createServer((request, response) => {
    void text(request).then((payload) => payloads.push(payload));
    response.end();
  }).listen(0, '127.0.0.1');
  await once(hooks, 'listening');
  app = await startApp({ env: await withMcp() });
  // Strapi reads its webhooks at the start. Its admin panel refuses an address of this machine.
  await app.db('strapi_webhooks').insert({
    name: 'all',
    url: `http://127.0.0.1:${(hooks.address() as AddressInfo).port}`,
    headers: '{}',
    events: JSON.stringify(
      ['create', 'update', 'publish', 'unpublish', 'draft-discard', 'delete'].map((name) => `entry.${name}`),
    ),
    enabled: true,
  });
  await app.killAndRestart();
  admin = app.admin.client;
  const full = { name: 'full', description: '', type: 'full-access', lifespan: null };
  const { body } = await admin.post('/admin/api-tokens', full);
  token = createClient(app.url, String(body.data.accessKey));
});
afterAll(async () => {
  await app.stop();
  hooks.close();
});

const create = async (fields: CharacterFields): Promise<string> =>
  (await app.admin.createDraft({ prompt: 'You are Ada.', ...fields })).documentId;

const save = (documentId: string, body: object): Promise<Reply> =>
  admin.request('PUT', `${characters}/${documentId}`, { body });

async function shownKey(documentId: string, status = 'draft'): Promise<unknown> {
  return (await admin.get(`${characters}/${documentId}?status=${status}`)).body.data.upstream_key;
}

/** Returns the decrypted keys of a character's rows, entered for dify: of the draft, then of the published row. */
async function savedKeys(documentId: string): Promise<unknown[]> {
  const rows = await app
    .db('ai_characters')
    .where({ document_id: documentId })
    .orderByRaw('published_at is not null')
    .select('upstream_key');
  return rows.map(({ upstream_key: sealed }) =>
    sealed === null ? null : decrypt(String(sealed)).replace(/^dify /u, ''),
  );
}

function decrypt(sealed: string): string {
  const [iv = '', content = '', tag = ''] = sealed
    .replace('v1:', '')
    .split(':')
    .map((part) => Buffer.from(part, 'hex'));
  const secret = createHash('sha256')
    .update(app.variables['ENCRYPTION_KEY'] ?? '')
    .digest();
  const decipher = createDecipheriv('aes-256-gcm', secret, iv);
  decipher.setAuthTag(tag as Buffer);
  return decipher.update(content as Buffer, undefined, 'utf8') + decipher.final('utf8');
}

describe('the API key of a character', () => {
  it('is encrypted in the database, and shows as a mask in the admin panel', async () => {
    const reply = await admin.post(characters, { name: 'Ada', upstream: 'dify', upstream_key: ` ${key}\n` });
    expect([reply.status, reply.body.data.upstream_key]).toEqual([201, mask]);
    const { documentId } = reply.body.data;
    expect(await shownKey(documentId)).toBe(mask);
    expect(await savedKeys(documentId)).toEqual([key]);
    const [row] = await app.db('ai_characters').where({ document_id: documentId });
    expect(row.upstream_key).toMatch(encrypted);
  });

  it('shows as null in a character without one', async () => {
    expect(await shownKey(await create({}))).toBeNull();
  });

  it('stays if the mask, or no key, is saved', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: key });
    expect((await save(documentId, { name: 'Lin', upstream_key: mask })).body.data.upstream_key).toBe(mask);
    expect((await save(documentId, { name: 'Eve', model: 'm' })).body.data.upstream_key).toBe(mask);
    expect(await savedKeys(documentId)).toEqual([key]);
  });

  it('is replaced by a new one, and removed by an empty one', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: 'app-old' });
    expect((await save(documentId, { upstream_key: key })).body.data.upstream_key).toBe(mask);
    expect(await savedKeys(documentId)).toEqual([key]);
    for (const empty of ['', null]) {
      await save(documentId, { upstream_key: key });
      expect((await save(documentId, { upstream_key: empty })).body.data.upstream_key).toBeNull();
      expect(await savedKeys(documentId)).toEqual([null]);
    }
  });

  it('is refused for another service than the one it was entered for', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: key });
    for (const body of [
      { upstream: 'openai' },
      { upstream: 'openai', upstream_key: mask },
      { upstream: '' },
    ]) {
      const reply = await save(documentId, body);
      expect([reply.status, reply.body.error?.details.errors[0].path]).toEqual([400, ['upstream_key']]);
    }
    const { status, body } = await admin.post(`${characters}/clone/${documentId}`, { upstream: 'openai' });
    expect([status, body.error?.message]).toEqual([400, expect.stringContaining('was entered for dify.')]);
    const data = { upstream: 'openai' };
    const { status: ofToken } = await token.request('PUT', `/api/ai-characters/${documentId}`, {
      body: { data },
    });
    expect([ofToken, await savedKeys(documentId)]).toEqual([400, [key]]);
    const replaced = await save(documentId, { upstream: 'openai', upstream_key: 'sk-new' });
    expect([replaced.status, await savedKeys(documentId)]).toEqual([200, ['openai sk-new']]);
  });

  it('is refused while nobody is chosen, because the default can change', async () => {
    const { status, body } = await admin.post(characters, { name: 'Ada', upstream_key: key });
    expect([status, body.error?.message]).toEqual([
      400,
      expect.stringContaining('"API key" cannot be saved while "Answered by" is empty'),
    ]);
  });

  it('is not made from a mask without a saved key', async () => {
    expect(await savedKeys(await create({ upstream_key: mask }))).toEqual([null]);
  });

  it('goes along with a publish, a discard and an unpublish', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: key });
    const publish = await admin.post(`${characters}/${documentId}/actions/publish`, { upstream_key: mask });
    expect(publish.body.data.upstream_key).toBe(mask);
    expect(await savedKeys(documentId)).toEqual([key, key]);
    await save(documentId, { upstream_key: 'app-new' });
    expect(await savedKeys(documentId)).toEqual(['app-new', key]);
    expect(await shownKey(documentId, 'published')).toBe(mask);
    const discard = await admin.post(`${characters}/${documentId}/actions/discard`, {});
    expect(discard.body.data.upstream_key).toBe(mask);
    expect(await savedKeys(documentId)).toEqual([key, key]);
    const bulk = { documentIds: [documentId] };
    expect((await admin.post(`${characters}/actions/bulkUnpublish`, bulk)).status).toBe(200);
    expect(await savedKeys(documentId)).toEqual([key]);
    expect((await admin.post(`${characters}/actions/bulkPublish`, bulk)).status).toBe(200);
    expect(await savedKeys(documentId)).toEqual([key, key]);
  });

  it.each<[what: string, body: object, saved: string | null]>([
    ['keeps it', { name: 'Clone', upstream_key: mask }, key],
    ['can have another one', { name: 'Clone', upstream_key: 'app-other' }, 'app-other'],
    ['can have none', { name: 'Clone', upstream_key: null }, null],
  ])('is copied to a clone, which %s', async (_what, body, saved) => {
    const documentId = await create({ upstream: 'dify', upstream_key: key });
    const reply = await admin.post(`${characters}/clone/${documentId}`, body);
    expect([reply.status, reply.body.data.upstream_key]).toEqual([200, saved === null ? null : mask]);
    expect(await savedKeys(reply.body.data.documentId)).toEqual([saved]);
    expect(await savedKeys(documentId)).toEqual([key]);
  });

  it('is written by an API token, and not shown to it', async () => {
    const { body, status } = await token.post('/api/ai-characters', {
      data: { name: 'Ada', prompt: 'You are Ada.', upstream: 'dify', upstream_key: key },
    });
    expect([status, body.data.upstream_key]).toEqual([201, undefined]);
    const { documentId } = body.data;
    expect(await savedKeys(documentId)).toEqual([key, key]);
    const changed = { data: { name: 'Lin' } };
    await token.request('PUT', `/api/ai-characters/${documentId}`, { body: changed });
    expect(await savedKeys(documentId)).toEqual([key, key]);
  });

  it('follows the rights of administrators to this field', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: key });
    const editor = await app.admin.findRole('strapi-editor');
    const permissions = (await app.admin.permissionsOf(editor)).map((permission) => {
      const fields = permission.properties?.fields?.filter((field) => field !== 'upstream_key');
      return fields === undefined ? permission : { ...permission, properties: { fields } };
    });
    const role = await app.admin.createRole('Without keys', permissions);
    const without = await app.admin.createAdministrator(role);
    expect((await without.get(`${characters}/${documentId}`)).body.data).toEqual(
      expect.not.objectContaining({ upstream_key: expect.anything() }),
    );
    const body = { name: 'Lin', upstream_key: 'app-stolen' };
    await without.request('PUT', `${characters}/${documentId}`, { body });
    expect(await savedKeys(documentId)).toEqual([key]);
  });
});

describe('an API key that another ENCRYPTION_KEY has encrypted', () => {
  const foreign = `v1:${'0'.repeat(32)}:abcdef:${'0'.repeat(32)}`;

  it('shows as null, stays through saves of the form, and can be replaced', async () => {
    const documentId = await create({ upstream: 'dify' });
    const rows = () => app.db('ai_characters').where({ document_id: documentId });
    await rows().update({ upstream_key: foreign });
    for (let reads = 0; reads < 3; reads += 1) expect(await shownKey(documentId)).toBeNull();
    expect(app.output().match(/Unable to decrypt/gu)).toHaveLength(1);
    for (const empty of [null, '']) {
      expect(
        (await save(documentId, { name: 'Lin', upstream_key: empty })).body.data.upstream_key,
      ).toBeNull();
      expect((await rows()).map((row) => row.upstream_key)).toEqual([foreign]);
    }
    expect((await save(documentId, { upstream_key: key })).body.data.upstream_key).toBe(mask);
    expect(await savedKeys(documentId)).toEqual([key]);
  });
});

describe('no reply contains an API key or its encrypted text', () => {
  let documentId: string;
  let user: Client;

  beforeAll(async () => {
    const avatar = await app.admin.uploadPicture();
    ({ documentId } = await app.admin.createCharacter({ upstream: 'dify', upstream_key: key, avatar }));
    user = await app.createUser();
    await user.ask({ character_id: documentId, query: 'Hi' });
  });

  const chats = ['api::chat-session.chat-session', 'api::chat-conversation.chat-conversation'];
  const ofAdmins = () => [
    characters,
    `${characters}?_q=v1&fields[0]=name`,
    `${characters}/${documentId}`,
    `${characters}/${documentId}?status=published`,
    `${characters}?populate=*`,
    `${characters}?populate[avatar][populate]=*`,
    `/content-manager/collection-types/${chats[0]}?populate=*`,
    ...chats.map((chat) => `/content-manager/collection-types/${chat}?populate[ai_character]=true`),
    ...['=*', '=avatar', '[avatar][populate][related]=true'].map(
      (populate) => `/content-manager/relations/${chats[0]}/ai_character?populate${populate}`,
    ),
    '/upload/files?populate=*',
    '/upload/files?populate[related]=true',
    '/upload/files?populate[related][populate]=*',
    '/content-manager/homepage/recent-documents?action=update',
  ];
  const ofTokens = () => [
    '/api/ai-characters?populate=*',
    '/api/ai-characters?status=draft',
    '/api/chat-sessions?populate=*',
    '/api/chat-conversations?populate=*',
    '/api/upload/files?populate=*',
  ];

  it('to administrators', async () => {
    for (const path of ofAdmins()) {
      const reply = await admin.get(path);
      expect([path, reply.status, encrypted.exec(reply.text)]).toEqual([path, 200, null]);
    }
  });

  it('to API tokens and users', async () => {
    for (const path of ofTokens()) {
      const { status, text: body } = await token.get(path);
      expect([path, status, encrypted.exec(body)]).toEqual([path, 200, null]);
      expect(body).not.toContain('upstream_key');
    }
    for (const reply of [await user.get(`/api/ai-characters/${documentId}`), await user.myList()]) {
      expect(reply.status).toBe(200);
      expect(reply.text).not.toContain('upstream_');
    }
  });

  it('to MCP clients', async () => {
    const read = 'plugin::content-manager.explorer.read';
    const properties = { fields: ['name', 'upstream_key'], locales: ['en'] };
    const { body } = await admin.post('/admin/admin-tokens', {
      name: 'for MCP',
      description: '',
      lifespan: null,
      adminPermissions: [{ action: read, subject: uid, properties, conditions: [] }],
    });
    const response = await fetch(`${app.url}/mcp`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${body.data.accessKey}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name: 'list_ai-character', arguments: {} },
      }),
    });
    const listed = await response.text();
    expect(listed).toContain(mask);
    expect([listed.includes(key), encrypted.exec(listed)]).toEqual([false, null]);
  });

  it.each([
    'filters[upstream_key][$startsWith]=v1',
    'filters[upstream_key][$null]=true',
    'filters[$or][0][$not][upstream_key][$contains]=a',
    'filters[$and][0][name]=Ada&filters[$and][1][upstream_key][$gt]=v',
    'sort=upstream_key:asc',
    'sort[0]=name&sort[1]=upstream_key',
    'sort[upstream_key]=desc',
    'fields[0]=upstream_key',
  ])('and no query can use it: %s', async (query) => {
    for (const path of [characters, `/content-manager/relations/${chats[0]}/ai_character`]) {
      const { status, body } = await admin.get(`${path}?${query}`);
      expect([path, status, body.error?.message]).toEqual([
        path,
        400,
        expect.stringContaining('upstream_key'),
      ]);
    }
    expect((await token.get(`/api/ai-characters?${query}`)).status).toBe(400);
  });

  it.each([
    'filters[related][upstream_key][$startsWith]=v1',
    'populate[related][filters][upstream_key][$startsWith]=v1',
    'sort=related.upstream_key',
  ])('and no query of the media library can use it: %s', async (query) => {
    expect((await admin.get(`/upload/files?${query}`)).status).toBe(400);
  });

  it('nor does the error of another field that is saved with it', async () => {
    const { status, text: body } = await save(documentId, { name: 'n'.repeat(200), upstream_key: key });
    expect([status, body.includes('name'), body.includes(key)]).toEqual([400, true, false]);
  });

  it.each(['filters[ai_character][upstream_key][$startsWith]=v1', 'sort=ai_character.upstream_key'])(
    'and no query of another type can use it: %s',
    async (query) => {
      for (const chat of chats) {
        const { status } = await admin.get(`/content-manager/collection-types/${chat}?${query}`);
        expect(status).toBe(400);
      }
    },
  );

  it('nor does a webhook', async () => {
    const isOurs = (payload: string) => payload.includes(documentId);
    await save(documentId, { name: 'Lin' });
    await admin.post(`${characters}/${documentId}/actions/discard`, {});
    await admin.post(`${characters}/${documentId}/actions/unpublish`, {});
    await admin.request('DELETE', `${characters}/${documentId}`);
    await until(() => payloads.filter(isOurs).some((payload) => payload.includes('entry.delete')));
    const events = payloads.filter(isOurs).map((payload) => JSON.parse(payload).event);
    const all = ['create', 'update', 'publish', 'unpublish', 'draft-discard', 'delete'];
    expect(events).toEqual(expect.arrayContaining(all.map((name) => `entry.${name}`)));
    expect(payloads.join('')).not.toContain(key);
    expect(payloads.join('')).not.toMatch(encrypted);
    expect(payloads.join('')).not.toContain('upstream_key');
  });
});

describe('an API key that the upstream refuses', () => {
  const odd = `canary.${randomBytes(6).toString('hex')}`;

  it.each([
    ['of the usual form', key],
    ['of any other form', odd],
  ])('and that its error quotes is in no reply and no log line: a key %s', async (_form, wrong) => {
    const { documentId } = await app.admin.createCharacter({ upstream: 'dify', upstream_key: wrong });
    const user = await app.createUser();
    const question = { character_id: documentId, query: 'Hi' };
    const refuse = (code: string) =>
      app.dify.next({ name: 'refuse', code, message: `No app has the key ${wrong}.`, status: 401 });
    const replies: string[] = [];
    refuse('unauthorized');
    replies.push((await user.ask(question)).text);
    refuse('unknown');
    replies.push(JSON.stringify(await user.streamAll(question)));
    // The emulator has no app with this key, so it refuses every further request, too.
    replies.push((await user.ask(question)).text);
    expect(replies.join()).toContain('upstream-misconfigured');
    replies.push((await user.myList()).text, (await user.get('/api/chat/export')).text);
    const messages =
      '/content-manager/collection-types/api::chat-conversation.chat-conversation?pageSize=100';
    const shown = await admin.get(messages);
    expect(shown.text).toContain('No app has the key ***');
    replies.push(shown.text, (await admin.get('/api/chat/ready')).text);
    expect(replies.join().includes(wrong)).toBe(false);
    expect(app.output()).toContain('No app has the key ***');
    expect(app.output().includes(wrong)).toBe(false);
  });
});

describe('a character that is saved', () => {
  const problem = async (pending: Promise<Reply>) => {
    const { status, body } = await pending;
    return [status, body.error.name, body.error.details.errors[0].path, body.error.message];
  };

  it('returns 400 for a wrong field, which the admin panel shows below its input', async () => {
    const body = { name: 'Ada', upstream: 'dify', upstream_key: 'two words' };
    expect(await problem(admin.post(characters, body))).toEqual([
      400,
      'ValidationError',
      ['upstream_key'],
      '"API key" must be one word of printable ASCII, because it goes into an HTTP header.',
    ]);
  });

  it('is checked with the fields that are saved already', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: key });
    expect(await problem(save(documentId, { upstream: 'dify-console' }))).toEqual([
      400,
      'ValidationError',
      ['upstream_app_id'],
      expect.stringContaining('"API key" must be empty for dify-console'),
    ]);
    const whole = { upstream: 'dify-console', upstream_app_id: appId, upstream_key: null };
    expect((await save(documentId, whole)).status).toBe(200);
    expect((await save(documentId, { upstream_key: key })).status).toBe(400);
    expect((await save(documentId, { upstream_app_id: '' })).status).toBe(400);
    expect(
      (await save(documentId, { inputs: '{"style": "short"}', model_parameters: '' })).body.data,
    ).toMatchObject({
      upstream_app_id: appId,
      inputs: { style: 'short' },
      model_parameters: null,
    });
  });

  it('is not checked if none of these fields changes', async () => {
    const documentId = await create({ upstream: 'dify', upstream_key: key });
    await app.db('ai_characters').where({ document_id: documentId }).update({ upstream: 'dify-console' });
    const form = { name: 'Lin', upstream: 'dify-console', upstream_key: mask, upstream_app_id: null };
    expect((await save(documentId, form)).status).toBe(200);
    expect((await save(documentId, { model: 'm' })).status).toBe(400);
  });
});

(database === 'sqlite' ? it : it.skip)('the files of the database contain no API key', () => {
  const file = app.variables['DATABASE_FILENAME'] ?? '';
  const bytes = Buffer.concat([readFileSync(file), readFileSync(`${file}-wal`)]);
  expect(bytes.includes('You are Ada.')).toBe(true);
  expect(bytes.includes(key)).toBe(false);
});
