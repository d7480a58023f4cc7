import { itInFull } from '../faults/support/scale';
import type { AdminPermission, AdminRole } from '../support/admin';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { withMcp } from '../support/with-mcp';
import { withoutCopying } from '../support/without-copying';

const messages = 'api::chat-conversation.chat-conversation';
const sessions = 'api::chat-session.chat-session';
const right = 'api::chats.read';
const secret = 'What I tell nobody but Ada';
const read = 'plugin::content-manager.explorer.read';
const remove = 'plugin::content-manager.explorer.delete';

let app: App;
let superAdmin: Client;
let messageId: string;
let sessionId: string;
let characterId: string;
let userId: string;

beforeAll(async () => {
  app = await startApp({ env: await withMcp() });
  superAdmin = app.admin.client;
  const user = await app.createUser();
  userId = user.user.documentId;
  characterId = (await app.admin.createCharacter()).documentId;
  expect((await user.ask({ character_id: characterId, query: secret })).status).toBe(200);
  messageId = (await app.db('chat_conversations').first()).document_id;
  sessionId = (await app.db('chat_sessions').first()).document_id;
});
afterAll(() => app.stop());

const list = (uid: string) => `/content-manager/collection-types/${uid}`;

/** Returns the requests with which the Content Manager reads, clones and deletes entries. */
function requests(): [method: string, path: string, body?: object][] {
  return [
    ['GET', list(messages)],
    ['GET', list(sessions)],
    ['GET', `${list(messages)}?_q=${encodeURIComponent(secret)}`],
    ['GET', `${list(messages)}?filters[query][$contains]=tell&page=1&pageSize=10&sort=query:ASC`],
    ['GET', `${list(messages)}/${messageId}`],
    ['GET', `${list(sessions)}/${sessionId}`],
    ['GET', `/content-manager/relations/${messages}/session`],
    ['GET', `/content-manager/relations/${messages}/${messageId}/session`],
    ['GET', `/content-manager/relations/${messages}/${messageId}/user`],
    ['GET', `/content-manager/relations/${sessions}/${sessionId}/user`],
    ['GET', `${list(messages)}/${messageId}/actions/countDraftRelations`],
    ['GET', `${list(messages)}/actions/countManyEntriesDraftRelations?documentIds[0]=${messageId}`],
    ['GET', `/content-manager/preview/url/${messages}?documentId=${messageId}`],
    ['POST', `${list(messages)}/clone/${messageId}`, {}],
    ['DELETE', `${list(messages)}/${messageId}`],
    ['POST', `${list(messages)}/actions/bulkDelete`, { documentIds: [messageId] }],
    ['POST', `${list(sessions)}/actions/bulkDelete`, { documentIds: [sessionId] }],
  ];
}

async function allRows() {
  const messages = await app.db('chat_conversations').orderBy('id');
  return [messages.map(withoutCopying), await app.db('chat_sessions').orderBy('id')];
}

async function expectHidden(client: Client): Promise<void> {
  const before = await allRows();
  for (const [method, pathname, body] of requests()) {
    const { status, text } = await client.request(method, pathname, { body });
    expect([pathname, status, text.includes('tell nobody')]).toEqual([pathname, expect.any(Number), false]);
    // The application has no preview, and Strapi says so to everybody.
    if (pathname.startsWith('/content-manager/preview/')) expect(status).toBe(204);
    else expect(status).toBeGreaterThanOrEqual(400);
  }
  expect(await allRows()).toEqual(before);

  const recent = await client.get('/content-manager/homepage/recent-documents?action=update');
  expect(recent.status).toBe(200);
  expect(recent.text).not.toContain('chat-');
  expect(recent.text).not.toContain('tell nobody');
  const { body: counts } = await client.get('/content-manager/homepage/count-documents');
  const characters = await app.db('ai_characters').countDistinct({ n: 'document_id' }).first();
  expect(counts.data.draft + counts.data.published + counts.data.modified).toBeLessThanOrEqual(
    Number(characters?.n),
  );
  const own = await client.get('/admin/users/me/permissions');
  expect(own.status).toBe(200);
  expect(own.text).not.toContain('api::chat-');
}

/** Gives the stock roles the rights on chats that Strapi gave them in an older installation. */
async function giveStockRights(): Promise<void> {
  for (const code of ['strapi-editor', 'strapi-author'] as const) {
    const role = await app.db('admin_roles').where({ code }).first();
    const conditions = JSON.stringify(code === 'strapi-author' ? ['admin::is-creator'] : []);
    for (const subject of [messages, sessions]) {
      const fields = Object.keys((await schemaOf(subject)).attributes);
      await insertPermission(role, { action: read, subject, properties: { fields } }, conditions);
      await insertPermission(role, { action: remove, subject }, conditions);
    }
  }
}

async function schemaOf(uid: string): Promise<{ attributes: Record<string, unknown> }> {
  const { body } = await superAdmin.get('/content-manager/content-types');
  return body.data.find((type: { uid: string }) => type.uid === uid);
}

interface RoleRow {
  readonly id: number;
  readonly created_at: unknown;
}

async function insertPermission(
  role: RoleRow,
  { action, subject, properties = {} }: AdminPermission,
  conditions: string,
): Promise<void> {
  const row = {
    document_id: `${action}${subject}${role.id}`.replaceAll(/\W/gu, '').slice(-24),
    action,
    action_parameters: '{}',
    subject,
    properties: JSON.stringify(properties),
    conditions,
    created_at: role.created_at,
    updated_at: role.created_at,
    published_at: role.created_at,
  };
  const [inserted] = await app.db('admin_permissions').insert(row).returning('id');
  await app.db('admin_permissions_role_lnk').insert({ permission_id: inserted.id, role_id: role.id });
}

/** Deletes the note that the rights were checked, and restarts the application. */
async function upgrade(): Promise<void> {
  await app.db('strapi_core_store_settings').where('key', 'like', '%chats-guarded%').delete();
  await app.signal('SIGTERM');
  await app.restart();
}

const ofChats = async (role: AdminRole) =>
  (await app.admin.permissionsOf(role)).filter(({ subject }) => subject === messages || subject === sessions);
const rightsOf = async (role: AdminRole) =>
  (await app.admin.permissionsOf(role)).filter(({ action }) => action === right);

describe('a fresh installation', () => {
  it.each(['strapi-editor', 'strapi-author'] as const)('hides chats from the role %s', async (code) => {
    const role = await app.admin.findRole(code);
    expect(await ofChats(role)).toEqual([]);
    expect(await rightsOf(role)).toEqual([]);
    expect((await app.admin.permissionsOf(role)).length).toBeGreaterThan(5);
    await expectHidden(await app.admin.createAdministrator(role));
  });

  it('shows chats to Super Admins in lists, in searches and on the home page', async () => {
    expect((await superAdmin.get(list(messages))).body.results).toHaveLength(2);
    expect((await superAdmin.get(`${list(messages)}?_q=nobody`)).body.results.length).toBeGreaterThan(0);
    expect((await superAdmin.get(`${list(messages)}/${messageId}`)).text).toContain(secret);
    expect((await superAdmin.get(`/content-manager/relations/${messages}/${messageId}/user`)).status).toBe(
      200,
    );
    const recent = await superAdmin.get('/content-manager/homepage/recent-documents?action=update');
    expect(recent.text).toContain(secret);
    expect((await superAdmin.get('/admin/users/me/permissions')).text).toContain(right);
  });

  it('returns 403 even to Super Admins who create or change a message', async () => {
    expect((await superAdmin.post(list(messages), { query: 'x' })).status).toBe(403);
    const change = { body: { query: 'x' } };
    expect((await superAdmin.request('PUT', `${list(messages)}/${messageId}`, change)).status).toBe(403);
  });
});

describe('a custom role', () => {
  const explorer = (): AdminPermission[] => [
    { action: read, subject: messages, properties: { fields: ['query', 'answer', 'session', 'user'] } },
    { action: remove, subject: messages },
    { action: read, subject: sessions, properties: { fields: ['title', 'user'] } },
    { action: remove, subject: sessions },
  ];

  it('sees no chat with only the rights on the content types', async () => {
    await expectHidden(
      await app.admin.createAdministrator(await app.admin.createRole('Types only', explorer())),
    );
  });

  it('sees no chat with only the right to read chats', async () => {
    const role = await app.admin.createRole('Right only', [{ action: right }]);
    await expectHidden(await app.admin.createAdministrator(role));
  });

  it('sees chats with both rights, and no chat after it loses the right to read chats', async () => {
    const role = await app.admin.createRole('Support', [...explorer(), { action: right }]);
    const client = await app.admin.createAdministrator(role);
    expect((await client.get(list(messages))).body.results).toHaveLength(2);
    expect((await client.get('/content-manager/homepage/recent-documents?action=update')).text).toContain(
      secret,
    );
    await app.admin.setPermissions(role, explorer());
    await expectHidden(client);
  });

  it('reaches no chat through the relations of a user or a character', async () => {
    const role = await app.admin.createRole('Users', [
      ...explorer(),
      {
        action: read,
        subject: 'plugin::users-permissions.user',
        properties: { fields: ['username', 'email'] },
      },
      { action: read, subject: 'api::ai-character.ai-character', properties: { fields: ['name'] } },
    ]);
    const client = await app.admin.createAdministrator(role);
    for (const [uid, id] of [
      ['plugin::users-permissions.user', userId],
      ['api::ai-character.ai-character', characterId],
    ] as const) {
      const one = await client.get(`${list(uid)}/${id}?populate=*`);
      expect(one.status).toBe(200);
      expect(one.text).not.toContain('tell nobody');
      for (const field of ['chats', 'sessions', 'chat_conversations']) {
        const related = await client.get(`/content-manager/relations/${uid}/${id}/${field}`);
        expect(related.status).toBeGreaterThanOrEqual(400);
      }
    }
  });
});

describe('an admin token for MCP', () => {
  async function tokenFor(owner: Client, adminPermissions: readonly object[]): Promise<Client> {
    const { body } = await owner.post('/admin/admin-tokens', {
      name: `token ${Math.random()}`,
      description: '',
      lifespan: null,
      adminPermissions,
    });
    const key = String(body.data.accessKey);
    const call = (path_: string, options?: object) =>
      app.anonymous.request('GET', path_, { headers: { Authorization: `Bearer ${key}` }, ...options });
    return { ...app.anonymous, token: key, get: call } as Client;
  }

  async function mcp({ token }: Client, method: string, params: object): Promise<string> {
    const response = await fetch(`${app.url}/mcp`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${token}`,
        'Content-Type': 'application/json',
        Accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    return response.text();
  }

  const types = [
    { action: read, subject: messages, properties: { fields: ['query', 'answer'] }, conditions: [] },
    { action: remove, subject: messages, properties: {}, conditions: [] },
    {
      action: read,
      subject: 'api::ai-character.ai-character',
      properties: { fields: ['name'] },
      conditions: [],
    },
  ];

  it('has tools for chats only with the right to read chats', async () => {
    const without = await tokenFor(superAdmin, types);
    const tools = await mcp(without, 'tools/list', {});
    expect(tools).toContain('list_ai-character');
    expect(tools).not.toContain('chat-conversation');
    const call = { name: 'list_chat-conversation', arguments: {} };
    expect(await mcp(without, 'tools/call', call)).not.toContain('tell nobody');
    expect((await without.get(list(messages))).status).toBe(403);

    const rightful = await tokenFor(superAdmin, [
      ...types,
      { action: right, subject: null, properties: {}, conditions: [] },
    ]);
    expect(await mcp(rightful, 'tools/list', {})).toContain('list_chat-conversation');
    expect(await mcp(rightful, 'tools/call', call)).toContain('tell nobody');
  });
});

describe('an upgraded installation', () => {
  // Each test restarts the application twice.
  const timeoutMs = 240_000;

  it(
    'removes the chat access of the stock roles once and logs it',
    async () => {
      await giveStockRights();
      const editor = await app.admin.findRole('strapi-editor');
      const author = await app.admin.findRole('strapi-author');
      expect(await ofChats(editor)).toHaveLength(4);
      await upgrade();
      for (const role of [editor, author]) {
        expect(await ofChats(role)).toEqual([]);
        expect(await rightsOf(role)).toEqual([]);
      }
      expect(app.output()).toContain('The role "Editor" has no access to users\' chats any more.');
      expect(app.output()).toContain('The role "Author" has no access to users\' chats any more.');
      await expectHidden(await app.admin.createAdministrator(editor));

      // Access that a Super Admin gives afterwards stays.
      await giveStockRights();
      await app.signal('SIGTERM');
      await app.restart();
      expect(await ofChats(editor)).toHaveLength(4);
      await app.admin.setPermissions(
        editor,
        (await app.admin.permissionsOf(editor)).filter(
          ({ subject }) => subject !== messages && subject !== sessions,
        ),
      );
      await app.admin.setPermissions(
        author,
        (await app.admin.permissionsOf(author)).filter(
          ({ subject }) => subject !== messages && subject !== sessions,
        ),
      );
    },
    timeoutMs,
  );

  itInFull(
    'keeps the access of created or changed roles by giving them the right to read chats',
    async () => {
      await giveStockRights();
      const own = await app.admin.createRole('Moderator', [
        { action: read, subject: messages, properties: { fields: ['query'] } },
      ]);
      const editor = await app.admin.findRole('strapi-editor');
      const author = await app.admin.findRole('strapi-author');
      // The editor has fewer rights than Strapi gave it, and the author has more.
      const less = (await app.admin.permissionsOf(editor)).filter(
        ({ action }) => action !== 'plugin::upload.configure-view',
      );
      await app.admin.setPermissions(editor, less);
      await app.admin.setPermissions(author, [
        ...(await app.admin.permissionsOf(author)),
        { action: 'plugin::content-manager.components.configure-layout' },
      ]);
      await upgrade();
      for (const role of [own, editor, author]) {
        expect([role.name, await rightsOf(role)]).toEqual([
          role.name,
          [expect.objectContaining({ action: right })],
        ]);
        expect(app.output()).toContain(
          `The role "${role.name}" was made or changed by somebody and keeps its access`,
        );
      }
      const client = await app.admin.createAdministrator(editor);
      expect((await client.get(list(messages))).body.results).toHaveLength(2);
      await upgrade();
      expect(await rightsOf(own)).toHaveLength(1);
    },
    timeoutMs,
  );
});
