import { startApp, type App } from '../support/app';
import { createClient } from '../support/client';

let app: App;

beforeAll(async () => {
  // knex then writes every statement, without its values, to what the process writes.
  app = await startApp({ env: { DEBUG: 'knex:query', AUTH_REMEMBER_SECONDS: '3600' } });
});
afterAll(() => app.stop());

const list = '/api/chat-conversations/my-list';

/** How many statements a request costs. */
async function statementsOf(request: () => Promise<unknown>): Promise<number> {
  const before = app.output().length;
  await request();
  return (
    app
      .output()
      .slice(before)
      .match(/knex:query /gu)?.length ?? 0
  );
}

describe('a login', () => {
  it('is read once, and then remembered: the second request costs the statements of its own reply only', async () => {
    const user = await app.createUser();
    const first = await statementsOf(() => user.get(list));
    const second = await statementsOf(() => user.get(list));
    expect([1, 2]).toContain(second);
    expect(first).toBeGreaterThan(second);
  });

  it('costs the first screen at most five statements, a list at most three, however many messages there are', async () => {
    const user = await app.createUser();
    const session = (await user.post('/api/chat/session', {})).body.data;
    const requests: readonly (readonly [name: string, most: number, send: () => Promise<unknown>])[] = [
      ['first screen', 5, () => user.get(`/aichat/getsessionlistshow/${user.user.id}`)],
      ['sessions', 3, () => user.post('/api/chat/sessions', {})],
      ['messages', 3, () => user.get(`/api/chat/sessions/${session.session_id}/messages`)],
      ['my-list', 3, () => user.get(list)],
    ];
    const costs = async () => {
      const counts: number[] = [];
      for (const [, , send] of requests) counts.push(await statementsOf(send));
      return counts;
    };
    await user.get(list);
    const { id } = await app.db('chat_sessions').where({ session_id: session.session_id }).first('id');
    const few = await costs();
    const rows = Array.from({ length: 10_000 }, (_, index) => ({
      document_id: `row${index}`,
      message_id: `msg_row_${index}`,
      role: 'user',
      query: `Line ${index}`,
      session_id: id,
      user_id: user.user.id,
      is_deleted: false,
      created_at: new Date(),
      updated_at: new Date(),
    }));
    await app.db.batchInsert('chat_conversations', rows, 50);
    const many = await costs();
    requests.forEach(([name, most], index) => {
      expect([name, (few[index] ?? 99) <= most, (many[index] ?? 99) <= most]).toEqual([name, true, true]);
    });
  });

  it('ends at once when the user is blocked, and is back at once when they are not', async () => {
    const user = await app.createUser();
    expect((await user.get(list)).status).toBe(200);
    await app.admin.setBlocked(user.user.documentId, true);
    expect((await user.get(list)).status).toBe(401);
    await app.admin.setBlocked(user.user.documentId, false);
    expect((await user.get(list)).status).toBe(200);
  });

  it('ends at once when the user is deleted', async () => {
    const user = await app.createUser();
    expect((await user.get(list)).status).toBe(200);
    const path = `/content-manager/collection-types/plugin::users-permissions.user/${user.user.documentId}`;
    expect((await app.admin.client.request('DELETE', path)).status).toBe(200);
    expect((await user.get(list)).status).toBe(401);
  });

  it('may no longer what is taken from its role, at once', async () => {
    const user = await app.createUser();
    expect((await user.get(list)).status).toBe(200);
    const { body } = await app.admin.client.get('/users-permissions/roles');
    const { id } = body.roles.find(({ type }: { type: string }) => type === 'authenticated');
    const { role } = (await app.admin.client.get(`/users-permissions/roles/${id}`)).body;
    const change = async (enabled: boolean) => {
      role.permissions['api::chat-conversation'].controllers['chat-conversation'].myList.enabled = enabled;
      const reply = await app.admin.client.request('PUT', `/users-permissions/roles/${id}`, { body: role });
      expect(reply.status).toBe(200);
    };
    await change(false);
    expect((await user.get(list)).status).toBe(403);
    await change(true);
    expect((await user.get(list)).status).toBe(200);
  });

  it('is that of its own token: another’s request, none and a forged one are not taken for it', async () => {
    const [user, other] = [await app.createUser(), await app.createUser()];
    await user.get(list);
    const me = async (token: string | undefined) => createClient(app.url, token).get('/api/users/me');
    expect((await me(user.token)).body.id).toBe(user.user.id);
    expect((await me(other.token)).body.id).toBe(other.user.id);
    const [head, payload] = String(user.token).split('.');
    for (const token of [undefined, `${head}.${payload}.forged`, `${head}.${payload}.`]) {
      expect((await createClient(app.url, token).get(list)).status).toBe(401);
    }
  });
});

it('a login that another process has made worthless counts for AUTH_REMEMBER_SECONDS at most', async () => {
  const short = await startApp({ env: { AUTH_REMEMBER_SECONDS: '1' } });
  try {
    const user = await short.createUser();
    expect((await user.get(list)).status).toBe(200);
    // Behind the back of the process, as another one does it.
    await short.db('up_users').where({ id: user.user.id }).update({ blocked: true });
    const since = Date.now();
    while ((await user.get(list)).status !== 401) expect(Date.now() - since).toBeLessThan(20_000);
  } finally {
    await short.stop();
  }
});
