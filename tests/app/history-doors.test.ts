import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import { createClient, type Client } from '../support/client';

let app: App;
let user: Client;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
});
afterAll(() => app.stop());

const admins = [
  '/admin/history/conversations',
  `/admin/history/conversations/${randomUUID()}`,
  '/admin/history/stats',
];
const owners = [
  ['GET', '/api/v1/conversations'],
  ['GET', `/api/v1/conversations/${randomUUID()}`],
  ['DELETE', `/api/v1/conversations/${randomUUID()}`],
  ['GET', '/api/v1/stats/conversations'],
] as const;

let roles = 0;

/** Creates an administrator whose role has only these rights. */
async function createAdminWith(actions: readonly string[]): Promise<Client> {
  roles += 1;
  const { client } = app.admin;
  const role = await client.post('/admin/roles', { name: `Role ${roles}`, description: '' });
  const permissions = actions.map((action) => ({ action, subject: null, conditions: [], properties: {} }));
  const granted = await client.request('PUT', `/admin/roles/${role.body.data.id}/permissions`, {
    body: { permissions },
  });
  expect(granted.status).toBe(200);
  const email = `role${roles}@example.com`;
  const invited = await client.post('/admin/users', {
    email,
    firstname: 'Some',
    lastname: 'Body',
    roles: [role.body.data.id],
  });
  const password = 'Passw0rd-of-tests';
  const { id } = invited.body.data;
  await client.request('PUT', `/admin/users/${id}`, { body: { password, isActive: true } });
  const login = await app.anonymous.post('/admin/login', { email, password });
  return createClient(app.url, login.body.data.token);
}

describe('the history API', () => {
  it.each(owners)('refuses %s %s without a login and with an admin token', async (method, path) => {
    const { status, body } = await app.anonymous.request(method, path);
    expect([status, body.error.details.code]).toEqual([401, 'unauthorized']);
    const admin = await app.admin.client.request(method, path);
    expect(admin.status).toBe(401);
  });

  it.each(admins)('returns 401 for GET %s to users and without a login', async (path) => {
    expect([(await user.get(path)).status, (await app.anonymous.get(path)).status]).toEqual([401, 401]);
  });

  it('grants only its four user routes to logged-in users', async () => {
    const role = await app.db('up_roles').where({ type: 'authenticated' }).first('id');
    const actions = await app
      .db('up_permissions')
      .whereLike('action', 'api::history.%')
      .whereIn('id', app.db('up_permissions_role_lnk').where({ role_id: role.id }).select('permission_id'))
      .pluck('action');
    expect(actions.sort()).toEqual([
      'api::history.history.deleteConversation',
      'api::history.history.listConversations',
      'api::history.history.listMessages',
      'api::history.history.statistics',
    ]);
  });

  it('is open to administrators with the right to read the history, and returns 403 to others', async () => {
    const [reader, other] = [
      await createAdminWith(['api::history.read', 'api::chats.read']),
      await createAdminWith(['admin::roles.read']),
    ];
    for (const path of admins) {
      expect([path, (await other.get(path)).status]).toEqual([path, 403]);
      for (const admin of [reader, app.admin.client]) {
        expect([401, 403]).not.toContain((await admin.get(path)).status);
      }
    }
  });

  it('shows its right in the role editor', async () => {
    const { body } = await app.admin.client.get('/admin/permissions');
    const right = body.data.sections.settings.find(
      ({ action }: { action: string }) => action === 'api::history.read',
    );
    expect(right).toMatchObject({
      displayName: 'Read the history of conversations',
      category: 'chat',
      subCategory: 'history',
    });
  });

  it('keeps the right of a role after a restart', async () => {
    const reader = await createAdminWith(['api::history.read']);
    await app.signal('SIGTERM');
    await app.restart();
    expect([401, 403]).not.toContain((await reader.get('/admin/history/stats')).status);
  });

  it.each(['/api/v1/conversations?limit=0', '/api/v1/stats/conversations?time_zone=Mars'])(
    'returns 400 for %s',
    async (path) => {
      const { status, body } = await user.get(path);
      expect([status, body.error.details.code]).toEqual([400, 'invalid-request']);
    },
  );

  it('returns 400 to an administrator for an invalid user_id', async () => {
    const { status, body } = await app.admin.client.get('/admin/history/stats?user_id=somebody');
    expect([status, body.error.message]).toEqual([400, 'user_id must be the id or documentId of a user.']);
  });
});

describe('an unavailable history', () => {
  it('does not affect the chat, and returns 503 in its own API', async () => {
    const other = await startApp({ env: { MES_SQL_DSN: 'postgres://ann:top-secret@127.0.0.1:1/history' } });
    try {
      const { documentId } = await other.admin.createCharacter();
      const someone = await other.createUser();
      expect((await someone.ask({ character_id: documentId, query: 'Hi' })).status).toBe(200);
      for (const [method, path] of owners) {
        const { status, headers, body } = await someone.request(method, path);
        expect([status, headers.get('retry-after'), body.error.details.code]).toEqual([
          503,
          '5',
          'history-unavailable',
        ]);
      }
      const admin = await other.admin.client.get('/admin/history/stats');
      expect([admin.status, admin.body.error.details.code]).toEqual([503, 'history-unavailable']);
      expect(other.output()).not.toContain('top-secret');
    } finally {
      await other.stop();
    }
  });
});
