import { request } from 'node:http';

import { itInFull } from '../faults/support/scale';
import type { HostOptions } from '../support/host/files';
import { makeHost, type Host } from '../support/host/make-host';
import { baseEnv } from '../support/app';
import { startAppProcess, spawnStrapi, type AppProcess } from '../support/app-process';
import { createAdmin } from '../support/admin';
import { createClient, type Client } from '../support/client';
import { copyTemplate, createDatabase, type TestDatabase } from '../support/database';
import { documentVariable } from '../support/documented-replies';
import { freePort } from '../support/free-port';

// Most replies here are of the host itself, and no document describes them.
delete process.env[documentVariable];

// Each test starts processes.
jest.setTimeout(120_000);

const enabled = (config: string): string => `'character-chat': { enabled: true, config: ${config} },`;
const upstream = `{ DIFY_API_URL: 'http://127.0.0.1:9/v1', DIFY_API_KEY: 'app-none' }`;

let host: Host;
let database: TestDatabase;
let running: AppProcess | undefined;
let url: string;

beforeAll(async () => {
  host = await makeHost({ language: 'javascript' });
});

beforeEach(async () => {
  database = await copyTemplate();
});

afterEach(async () => {
  await running?.end('SIGTERM');
  running = undefined;
  await database.drop();
});

afterAll(() => host.remove());

/** Starts the host with this configuration of plugins, and ends the last process. */
async function start(options: Partial<HostOptions> = {}): Promise<void> {
  await running?.end('SIGTERM');
  await host.change({ language: 'javascript', ...options });
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  running = await startAppProcess(
    { ...baseEnv, ...database.env, PORT: String(port) },
    undefined,
    host.folder,
  );
}

async function registerUser(): Promise<Client> {
  const account = { username: 'user', email: 'user@example.com', password: 'Passw0rd-of-tests' };
  const { body } = await createClient(url).post('/api/auth/local/register', account);
  return createClient(url, body.jwt, body.user);
}

/** Starts the host and waits for its end. @returns its output. */
async function startAndFail(options: Partial<HostOptions>, env: Readonly<Record<string, string>> = {}) {
  await host.change({ language: 'javascript', ...options });
  let output = '';
  const child = spawnStrapi(
    { ...baseEnv, ...database.env, PORT: '0', ...env },
    (text) => (output += text),
    host.folder,
  );
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output };
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Returns the whole reply as the host sends it, without its time. */
function send({ method, path, headers = {}, body = '' }: Sent): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}${path}`, { method, headers }, (reply) => {
      const chunks: Buffer[] = [];
      reply.on('data', (chunk: Buffer) => chunks.push(chunk));
      reply.on('end', () => {
        const lines = reply.rawHeaders.flatMap((name, index) =>
          index % 2 === 0 && !/^(date|last-modified|x-ratelimit-reset)$/iu.test(name)
            ? [`${name}: ${reply.rawHeaders[index + 1]}`]
            : [],
        );
        resolve(
          [`${method} ${path}`, reply.statusCode, ...lines, '', Buffer.concat(chunks).toString()].join('\n'),
        );
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const json = { 'Content-Type': 'application/json' };
const form = { 'Content-Type': 'multipart/form-data; boundary=x' };
const part = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n';

const requests: readonly Sent[] = [
  { method: 'GET', path: '/' },
  { method: 'GET', path: '/robots.txt' },
  { method: 'GET', path: '/unknown' },
  { method: 'POST', path: '/unknown' },
  { method: 'GET', path: '/api/articles' },
  { method: 'GET', path: '/api/articles?status=draft' },
  { method: 'GET', path: '/api/articles?unknown=1' },
  { method: 'DELETE', path: '/api/articles' },
  { method: 'PATCH', path: '/api/articles/abc' },
  { method: 'POST', path: '/api/articles', headers: json, body: '{"data":' },
  { method: 'POST', path: '/api/articles', headers: form, body: part },
  { method: 'POST', path: '/api/articles', headers: { 'Content-Type': 'text/plain' }, body: 'text' },
  { method: 'POST', path: '/api/articles', headers: { ...json, 'Content-Encoding': 'x' }, body: '{}' },
  {
    method: 'OPTIONS',
    path: '/api/articles',
    headers: { Origin: 'https://a.example', 'Access-Control-Request-Method': 'GET' },
  },
  { method: 'GET', path: '/api/articles', headers: { Origin: 'https://a.example' } },
  { method: 'GET', path: '/api/users/me' },
  { method: 'GET', path: '/api/users/me', headers: { Authorization: 'Bearer a.b.c' } },
  {
    method: 'POST',
    path: '/api/auth/local',
    headers: json,
    body: '{"identifier":"nobody","password":"wrong"}',
  },
  {
    method: 'POST',
    path: '/api/auth/local',
    headers: { ...json, Authorization: 'Bearer null' },
    body: '{"identifier":"a"}',
  },
  {
    method: 'POST',
    path: '/admin/login',
    headers: json,
    body: '{"email":"nobody@example.com","password":"wrong"}',
  },
  { method: 'GET', path: '/api/chatter' },
  { method: 'HEAD', path: '/_health' },
];

describe('the replies of the host', () => {
  it('are the same bytes with and without the plugin', async () => {
    const replies: string[][] = [];
    for (const plugins of [`'character-chat': { enabled: false },`, enabled(upstream)]) {
      await start({ plugins });
      const all: string[] = [];
      for (const one of requests) all.push(await send(one));
      replies.push(all);
      await running?.end('SIGTERM');
      running = undefined;
      await database.drop();
      database = await copyTemplate();
    }
    expect(replies[1]).toEqual(replies[0]);
  });
});

describe('users-permissions', () => {
  it.each([false, true])(
    'keeps its default rights and gets ours on an empty database, named last: %s',
    async (isUsersPermissionsLast) => {
      await database.drop();
      database = await createDatabase();
      await start({ plugins: enabled(upstream), isUsersPermissionsLast });
      const connection = database.connect();
      const rows = (await connection('up_permissions')
        .join('up_permissions_role_lnk', 'up_permissions.id', 'permission_id')
        .join('up_roles', 'up_roles.id', 'role_id')
        .select('action', 'up_roles.type')) as { action: string; type: string }[];
      await connection.destroy();
      const rights = rows.map(({ action, type }) => `${type} ${action}`);
      expect(rights).toContain('public plugin::users-permissions.auth.callback');
      expect(rights).toContain('authenticated plugin::users-permissions.auth.changePassword');
      expect(rights).toContain('authenticated api::chat-conversation.chat-conversation.createMessage');
      expect(rights).toContain('authenticated api::history.history.listConversations');
      expect(rights).toContain('authenticated api::chat.token.create');
    },
  );
});

describe('a personal token in a host', () => {
  /** A route that checks a JWT itself, as a WebSocket server of the host would. */
  const files = {
    'src/api/check/routes/check.js':
      "module.exports = { routes: [{ method: 'GET', path: '/check/:token', handler: 'check.check', config: { auth: false } }] };\n",
    'src/api/check/controllers/check.js': `module.exports = {
  async check(ctx) {
    await strapi.plugin('users-permissions').service('jwt').verify(ctx.params.token);
    ctx.body = { isGood: true };
  },
};
`,
  };

  it('works on the routes of the chat, and on no route of the host', async () => {
    await start({ plugins: enabled(upstream), files });
    const user = await registerUser();
    const data = { name: 'Robot', scopes: ['read'] };
    const made = await user.post('/api/chat/tokens', { data });
    expect(made.status).toBe(201);
    const robot = createClient(url, made.body.data.token, user.user);
    expect((await robot.myList()).status).toBe(200);
    expect((await robot.get('/api/users/me')).body.username).toBe(user.user.username);
    expect((await robot.get('/api/chat/tokens')).body.error.details.code).toBe('token-not-allowed');
    const admin = await createAdmin(url);
    await admin.setAllowed('api::article.article.find', true);
    expect((await user.get('/api/articles')).status).toBe(200);
    for (const path of ['/api/articles', '/api/users', '/api/auth/sessions']) {
      expect([path, (await robot.get(path)).status]).toEqual([path, 401]);
    }
    expect((await user.get(`/api/check/${user.token}`)).body).toEqual({ isGood: true });
    expect((await user.get(`/api/check/${made.body.data.token}`)).status).toBe(500);
    expect((await createClient(url, `cct_${'A'.repeat(43)}`).myList()).status).toBe(401);
  });

  itInFull('ends when the account is blocked, and stays after that', async () => {
    await start({ plugins: enabled(upstream) });
    const user = await registerUser();
    const data = { name: 'Robot', scopes: ['read'] };
    const { body } = await user.post('/api/chat/tokens', { data });
    const robot = createClient(url, body.data.token, user.user);
    const admin = await createAdmin(url);
    for (const isBlocked of [true, false]) {
      await admin.setBlocked(user.user.documentId, isBlocked);
      expect((await robot.myList()).status).toBe(401);
    }
    expect((await user.get('/api/chat/tokens')).body.data).toEqual([]);
  });

  itInFull('has the limit that config/plugins sets', async () => {
    await start({ plugins: enabled(upstream.replace('{', '{ AUTH_TOKENS_PER_USER: 1,')) });
    const user = await registerUser();
    const data = { name: 'Robot', scopes: ['read'] };
    const make = async () => (await user.post('/api/chat/tokens', { data })).status;
    expect([await make(), await make()]).toEqual([201, 409]);
  });
});

describe('character cards in a host', () => {
  const card = (name: string) =>
    JSON.stringify({
      spec: 'chara_card_v2',
      spec_version: '2.0',
      data: { name, description: 'You are Ada.' },
    });

  itInFull('are imported up to CARD_LIMIT, and exported', async () => {
    await start({ plugins: enabled(upstream.replace('{', `{ CARD_LIMIT: '1kb',`)) });
    const { client } = await createAdmin(url);
    const send = async (name: string) => {
      const body = new FormData();
      body.append('file', new Blob([card(name)]), 'card.json');
      const headers = { Authorization: `Bearer ${client.token}` };
      const reply = await fetch(`${url}/admin/character-cards`, { method: 'POST', headers, body });
      return { status: reply.status, body: (await reply.json()) as { data: { documentId: string } } };
    };
    expect((await send('A'.repeat(2_000))).status).toBe(413);
    const { status, body } = await send('Ada');
    expect(status).toBe(201);
    const exported = await client.get(`/admin/character-cards/${body.data.documentId}?format=json`);
    expect(exported.body.data).toMatchObject({ name: 'Ada', description: 'You are Ada.' });
    expect((await client.get('/admin/character-cards')).status).toBe(405);
  });
});

describe('the chat page in a host', () => {
  it('is there only if the host asks for it, and changes no other path', async () => {
    await start({ plugins: enabled(upstream) });
    const paths = ['/', '/robots.txt', '/chats', '/api/articles'];
    const withoutPage: string[] = [];
    for (const path of paths) withoutPage.push(await send({ method: 'GET', path }));
    expect((await createClient(url).get('/chat/')).status).toBe(404);

    await start({ plugins: enabled(upstream.replace('{', '{ CHAT_PAGE: true,')) });
    const withPage: string[] = [];
    for (const path of paths) withPage.push(await send({ method: 'GET', path }));
    expect(withPage).toEqual(withoutPage);
    const anonymous = createClient(url);
    const page = await anonymous.get('/chat/c/1');
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("script-src 'self';"),
    ]);
    const script = await anonymous.get(/src="(\/chat\/assets\/[^"]+)"/u.exec(page.text)?.[1] ?? '');
    expect([script.status, script.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=31536000, immutable',
    ]);
    const { body } = await (await createAdmin(url)).client.get('/users-permissions/advanced');
    expect(body.settings.email_reset_password).toMatch(/\/chat\/reset-password$/u);
  });
});

describe('the OpenAPI document of a host', () => {
  itInFull('names only routes that exist, those of personal tokens too', async () => {
    await start({ plugins: enabled(upstream) });
    const anonymous = createClient(url);
    const { body } = await anonymous.get('/api/openapi.json');
    const paths = Object.entries(body.paths as Readonly<Record<string, object>>);
    const operations = paths.flatMap(([path, item]) =>
      Object.keys(item)
        .filter((method) => /^(get|post|put|patch|delete)$/u.test(method))
        .map((method) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/gu, '1')] as const),
    );
    expect(operations).toContainEqual(['POST', '/api/chat/tokens']);
    const missing: unknown[] = [];
    for (const [method, path] of operations) {
      const { status, text } = await anonymous.request(method, path, method === 'GET' ? {} : { body: {} });
      if (status === 405 || (status === 404 && !text.includes('-not-found')))
        missing.push([method, path, status]);
    }
    expect(missing).toEqual([]);
  });
});

describe('the Content-Type Builder of a host', () => {
  it('hides the content types of the chat, and shows those of the host', async () => {
    await start({ plugins: enabled(upstream) });
    const { client } = await createAdmin(url);
    const { body } = await client.get('/content-type-builder/content-types');
    const types = body.data as readonly { uid: string; schema: { visible: boolean } }[];
    const visible = types.filter(({ schema }) => schema.visible).map(({ uid }) => uid);
    expect(types.map(({ uid }) => uid)).toContain('api::ai-character.ai-character');
    expect(visible.filter((uid) => uid.startsWith('api::'))).toEqual(['api::article.article']);
  });
});

describe('a start without the plugin', () => {
  it('loses no row, no right and no picture', async () => {
    const with_ = { plugins: enabled(upstream) };
    await start(with_);
    const admin = await createAdmin(url);
    const avatar = await admin.uploadPicture();
    const { documentId } = await admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.', avatar });
    const editor = await admin.findRole('strapi-editor');
    const rights = await admin.permissionsOf(editor);
    const characterRights = (all: typeof rights) =>
      all.filter(({ subject }) => subject === 'api::ai-character.ai-character').length;
    const account = { username: 'user', email: 'user@example.com', password: 'Passw0rd-of-tests' };
    const { body } = await createClient(url).post('/api/auth/local/register', account);
    await admin.setAllowed('api::chat.chat.exportOwn', false);

    await start({ plugins: `'character-chat': { enabled: false },` });
    expect((await createClient(url, body.jwt).myList()).status).toBe(404);

    await start(with_);
    const user = createClient(url, body.jwt, body.user);
    expect((await user.myList()).status).toBe(200);
    expect((await user.get('/api/chat/export')).status).toBe(403);
    const character = await user.get(`/api/ai-characters/${documentId}?populate=avatar`);
    expect(character.body.data).toMatchObject({ name: 'Ada', avatar: { id: avatar } });
    const again = await createAdmin(url);
    expect(characterRights(await again.permissionsOf(editor))).toBe(characterRights(rights));
  });
});

describe('the start stops with one sentence', () => {
  const lines = (output: string) => output.split('\n').filter((line) => /character-chat|^\s+at /u.test(line));

  it('for a content type whose name is taken', async () => {
    const schema = {
      kind: 'collectionType',
      collectionName: 'my_sessions',
      info: { singularName: 'chat-session', pluralName: 'chat-sessions', displayName: 'Session' },
      attributes: { name: { type: 'string' } },
    };
    const files = { 'src/api/chat-session/content-types/chat-session/schema.json': JSON.stringify(schema) };
    const { code, output } = await startAndFail({ plugins: enabled(upstream), files });
    expect(code).toBe(1);
    expect(lines(output)).toEqual([
      expect.stringContaining('has the content type "api::chat-session.chat-session"') as string,
    ]);
  });

  it('for a name of an API that is taken, which a prefix solves', async () => {
    const files = {
      'src/api/history/routes/history.js':
        "module.exports = { routes: [{ method: 'GET', path: '/v1/conversations', handler: 'history.own', config: { auth: false } }] };\n",
      'src/api/history/controllers/history.js': 'module.exports = { own: () => ({ own: true }) };\n',
    };
    const { output } = await startAndFail({ plugins: enabled(upstream), files });
    expect(lines(output)).toEqual([expect.stringContaining('Set CHAT_API_PREFIX') as string]);

    await start({ plugins: enabled(upstream.replace('{', `{ CHAT_API_PREFIX: 'ai',`)), files });
    const anonymous = createClient(url);
    expect((await anonymous.get('/api/v1/conversations')).body).toEqual({ own: true });
    expect((await anonymous.get('/api/ai/v1/conversations')).status).toBe(401);
    expect((await anonymous.get('/api/ai/dify/1/v1/info')).body).toMatchObject({ code: 'unauthorized' });
  });

  it('for a MySQL database', async () => {
    const files = {
      'config/database.js':
        "module.exports = () => ({ connection: { client: 'mysql', connection: { host: '127.0.0.1', port: 9 } } });\n",
    };
    const { code, output } = await startAndFail({ plugins: enabled(upstream), files });
    expect(code).toBe(1);
    expect(lines(output)).toEqual([expect.stringContaining('The main database is mysql') as string]);
  });

  it('for settings that are wrong or unknown', async () => {
    const wrong = await startAndFail({ plugins: enabled(`{ DIFY_API_URL: 'nonsense' }`) });
    expect(wrong.output).toMatch(/DIFY_API_URL must be an http or https address/u);
    expect(wrong.output).toMatch(/DIFY_API_KEY is missing/u);
    expect(wrong.output).not.toMatch(/^\s+at /mu);
    const unknown = await startAndFail({ plugins: enabled(`{ CHAT_UNKNOWN: 1 }`) });
    expect(unknown.output).toContain('CHAT_UNKNOWN is no setting');
  });
});
