import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

import { describeOnce, itInFull, scale } from '../faults/support/scale';
import { startApp, type App } from '../support/app';
import { createClient, readStream, type Client } from '../support/client';
import { createGate } from '../support/gate';
import { until } from '../support/until';

let app: App;
let characterId: string;

beforeAll(async () => {
  app = await startApp();
  characterId = (await app.admin.createCharacter({ name: 'Ada' })).documentId;
});
afterAll(() => app.stop());

interface Line {
  readonly type: string;
  readonly [key: string]: unknown;
}

async function exportOf(user: Client): Promise<Line[]> {
  const { status, headers, text } = await user.get('/api/chat/export');
  expect([status, headers.get('content-type')]).toEqual([200, 'application/x-ndjson; charset=utf-8']);
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

async function createSession(user: Client, title = 'Mine'): Promise<string> {
  return (await user.post('/api/chat/session', { title })).body.data.session_id;
}

const add = (user: Client, session_id: string, content: string) =>
  user.post('/api/chat/message', { session_id, content });

async function countRows(userId: number): Promise<{ sessions: number; messages: number }> {
  const count = async (table: string) =>
    Number((await app.db(table).where({ user_id: userId }).count({ count: '*' }))[0]?.count);
  return { sessions: await count('chat_sessions'), messages: await count('chat_conversations') };
}

/** Inserts messages of a session directly into the table. */
async function insertMessages(user: Client, sessionId: string, count: number, text: string): Promise<void> {
  const { id } = await app.db('chat_sessions').where({ session_id: sessionId }).first('id');
  const now = new Date();
  for (let done = 0; done < count; done += 500) {
    const rows = Array.from({ length: Math.min(500, count - done) }, (_, index) => ({
      document_id: randomUUID().replaceAll('-', '').slice(0, 24),
      message_id: `msg_${randomUUID()}`,
      role: 'user',
      query: `${done + index} ${text}`,
      user_id: user.user.id,
      session_id: id,
      is_deleted: false,
      created_at: now,
      updated_at: now,
    }));
    await app.db.batchInsert('chat_conversations', rows, 50);
  }
}

describe('GET /api/chat/export', () => {
  it('returns the account, its sessions and its messages, each on its own line', async () => {
    const user = await app.createUser();
    const { body } = await user.ask({ character_id: characterId, query: 'Export\nme, 你好' });
    const [question, answer] = body.data;
    const stored = await createSession(user, 'Stored');
    await add(user, stored, 'A line');
    expect(await exportOf(user)).toEqual([
      expect.objectContaining({ type: 'user', id: user.user.id, username: user.user.username }),
      expect.objectContaining({ type: 'session', session_id: question.session_id, message_count: 2 }),
      expect.objectContaining({ type: 'session', session_id: stored, title: 'Stored', message_count: 1 }),
      expect.objectContaining({
        type: 'message',
        message_id: question.id,
        public_id: question.message_id,
        session_id: question.session_id,
        role: 'user',
        content: 'Export\nme, 你好',
        ai_character: { documentId: characterId, name: 'Ada' },
      }),
      expect.objectContaining({
        type: 'message',
        public_id: answer.message_id,
        role: 'assistant',
        content: answer.answer,
        outcome: 'completed',
        error_code: null,
        usage: answer.usage,
        conversation_id: answer.conversation_id,
      }),
      expect.objectContaining({
        type: 'message',
        content: 'A line',
        session_id: stored,
        ai_character: null,
      }),
    ]);
  });

  it('omits deleted data and the data of other users', async () => {
    const [user, other] = [await app.createUser(), await app.createUser()];
    await add(other, await createSession(other, 'Theirs'), 'their secret');
    const [kept, gone] = [await createSession(user, 'kept'), await createSession(user, 'gone')];
    await add(user, gone, 'gone with its session');
    await user.request('DELETE', `/api/chat/sessions/${gone}`);
    const { body } = await add(user, kept, 'gone alone');
    await user.request('DELETE', `/api/chat/messages/${body.data.message_id}`);
    const lines = await exportOf(user);
    expect(lines.map(({ type, title }) => [type, title])).toEqual([
      ['user', undefined],
      ['session', 'kept'],
    ]);
  });

  it('needs a login, like DELETE /api/chat/me', async () => {
    expect((await app.anonymous.get('/api/chat/export')).status).toBe(401);
    expect((await app.anonymous.request('DELETE', '/api/chat/me')).status).toBe(401);
  });

  itInFull('returns thousands of long messages without keeping them in memory', async () => {
    // The memory proves something only in a full run.
    const count = scale({ full: 20_000, smoke: 4_000 });
    const user = await app.createUser();
    const text = '长'.repeat(2_700);
    await insertMessages(user, await createSession(user), count, text);
    const before = memoryOf(app.pid());
    let peak = before;
    const response = await fetch(`${app.url}/api/chat/export`, {
      headers: { Authorization: `Bearer ${user.token}` },
    });
    let lines = 0;
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      const block = chunk as Uint8Array;
      bytes += block.length;
      for (const byte of block) if (byte === 0x0a) lines += 1;
      peak = Math.max(peak, memoryOf(app.pid()));
    }
    expect(lines).toBe(count + 2);
    expect(bytes).toBeGreaterThan(8_000 * count);
    // All 20,000 rows and their text in memory would need more than twice as much.
    expect(peak - before).toBeLessThan(220_000_000);
  });
});

/** Returns the resident memory of a process in bytes, or 0 on a system without /proc. */
function memoryOf(pid: number): number {
  const file = `/proc/${pid}/status`;
  if (!existsSync(file)) return 0;
  return Number(/^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(file, 'utf8'))?.[1] ?? 0) * 1024;
}

describe('DELETE /api/chat/me', () => {
  it('erases all sessions and messages of the caller, also deleted ones, and nothing else', async () => {
    const [user, other] = [await app.createUser(), await app.createUser()];
    for (const one of [user, other]) {
      await one.ask({ character_id: characterId, query: 'Remember me' });
      await add(one, await createSession(one), 'A line');
      const gone = await createSession(one, 'gone');
      await add(one, gone, 'Deleted before');
      await one.request('DELETE', `/api/chat/sessions/${gone}`);
    }
    await insertMessages(user, await createSession(user, 'many'), 1_200, 'many');
    const before = await countRows(other.user.id);
    const reply = await user.request('DELETE', '/api/chat/me');
    expect([reply.status, reply.body]).toEqual([200, { data: { sessions: 4, messages: 1_204 } }]);
    expect(await countRows(user.user.id)).toEqual({ sessions: 0, messages: 0 });
    expect(await countRows(other.user.id)).toEqual(before);
    expect(await app.db('chat_conversations').whereNull('user_id').orWhereNull('session_id')).toEqual([]);

    expect((await user.request('DELETE', '/api/chat/me')).body).toEqual({
      data: { sessions: 0, messages: 0 },
    });
    expect((await exportOf(user)).map(({ type }) => type)).toEqual(['user']);
    expect((await user.ask({ character_id: characterId, query: 'Still me' })).status).toBe(200);
  });

  it('first stops an answer that is being written', async () => {
    const user = await app.createUser();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await reply.closed;
    });
    const { events } = await user.stream({ character_id: characterId, query: 'Stop me' });
    await events.next();
    await events.next();
    const rest = readStream(events);
    expect((await user.request('DELETE', '/api/chat/me')).body.data).toEqual({ sessions: 1, messages: 2 });
    expect((await rest).at(-1)?.data).toMatchObject({ event: 'message_end', outcome: 'stopped' });
    expect(await countRows(user.user.id)).toEqual({ sessions: 0, messages: 0 });
  });
});

describe('deleting a user', () => {
  const path = '/content-manager/collection-types/plugin::users-permissions.user';

  it('in the admin panel erases their sessions and messages', async () => {
    const [user, other] = [await app.createUser(), await app.createUser()];
    for (const one of [user, other]) {
      await one.ask({ character_id: characterId, query: 'Remember me' });
      await add(one, await createSession(one), 'A line');
    }
    await insertMessages(user, await createSession(user, 'many'), 1_200, 'many');
    const count = async () => Number((await app.db('chat_conversations').count({ count: '*' }))[0]?.count);
    const before = await count();
    const { status } = await app.admin.client.request('DELETE', `${path}/${user.user.documentId}`);
    expect(status).toBe(200);
    expect(await app.db('up_users').where({ id: user.user.id })).toEqual([]);
    expect(before - (await count())).toBe(1_203);
    expect(await app.db('chat_sessions').whereNull('user_id')).toEqual([]);
    expect(await app.db('chat_conversations').whereNull('user_id')).toEqual([]);
    expect(await countRows(other.user.id)).toEqual({ sessions: 2, messages: 3 });
  });

  it('together with others in the admin panel erases the sessions and messages of all', async () => {
    const users = [await app.createUser(), await app.createUser()];
    for (const user of users) await add(user, await createSession(user), 'A line');
    const documentIds = users.map(({ user }) => user.documentId);
    await app.admin.client.post(`${path}/actions/bulkDelete`, { documentIds });
    expect(await app.db('up_users').whereIn('document_id', documentIds)).toEqual([]);
    expect(await app.db('chat_sessions').whereNull('user_id')).toEqual([]);
    expect(await app.db('chat_conversations').whereNull('user_id')).toEqual([]);
  });

  describe('by DELETE /api/users/:id', () => {
    async function erasedBy(remove: (id: number) => Promise<number>): Promise<void> {
      const [user, other] = [await app.createUser(), await app.createUser()];
      for (const one of [user, other]) {
        await one.ask({ character_id: characterId, query: 'Remember me' });
        await add(one, await createSession(one), 'A line');
      }
      const all = async (table: string) => Number((await app.db(table).count({ count: '*' }))[0]?.count);
      const before = { sessions: await all('chat_sessions'), messages: await all('chat_conversations') };
      expect(await remove(user.user.id)).toBe(200);
      expect(await app.db('up_users').where({ id: user.user.id })).toEqual([]);
      expect({
        sessions: before.sessions - (await all('chat_sessions')),
        messages: before.messages - (await all('chat_conversations')),
      }).toEqual({ sessions: 2, messages: 3 });
      expect(await countRows(other.user.id)).toEqual({ sessions: 2, messages: 3 });
    }

    it('with an API token erases their sessions and messages', async () => {
      const token = await app.admin.client.post('/admin/api-tokens', {
        name: 'users',
        description: '',
        type: 'custom',
        permissions: ['plugin::users-permissions.user.destroy'],
        lifespan: null,
      });
      const headers = { Authorization: `Bearer ${token.body.data.accessKey}` };
      await erasedBy(
        async (id) => (await app.anonymous.request('DELETE', `/api/users/${id}`, { headers })).status,
      );
    });

    it('with the permission of a role erases them, and without it erases nothing', async () => {
      const right = 'plugin::users-permissions.user.destroy';
      const [clerk, kept] = [await app.createUser(), await app.createUser()];
      await add(kept, await createSession(kept), 'A line');
      const remove = async (id: number) => (await clerk.request('DELETE', `/api/users/${id}`)).status;
      expect(await remove(kept.user.id)).toBe(403);
      expect(await countRows(kept.user.id)).toEqual({ sessions: 1, messages: 1 });
      await app.admin.setAllowed(right, true);
      await erasedBy(remove);
      await app.admin.setAllowed(right, false);
    });
  });

  it('ends their answers, and leaves no rows of them', async () => {
    const user = await app.createUser();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await reply.closed;
    });
    const { events } = await user.stream({ character_id: characterId, query: 'Whose answer?' });
    const { turn_id } = (await events.next()).value?.data ?? {};
    await events.next();
    const { status } = await app.admin.client.request('DELETE', `${path}/${user.user.documentId}`);
    expect(status).toBe(200);
    expect((await readStream(events)).at(-1)?.data).toMatchObject({ event: 'error', code: 'login-ended' });
    expect(await app.db('chat_conversations').where({ turn_id })).toEqual([]);
    // After the end of the login, the turn continues for the grace period of a stop.
    const erased = `Turn ${turn_id} was erased while it was being answered.`;
    await until(() => app.output().includes(erased));
    expect(app.output()).not.toContain(`Turn ${turn_id}: its end could not be saved`);
  });
});

// `turn-store.test.ts` has the SQL of this on both databases.
describeOnce('the conversation in Dify', () => {
  const isDeleted = (conversationId: string) =>
    app.dify.conversations().find(({ id }) => id === conversationId)?.deleted;
  const ask = async (user: Client) =>
    (await user.ask({ character_id: characterId, query: 'Keep it' })).body.data[0] as Record<string, string>;
  const queued = () => app.db('chat_unneeded_conversations');

  it('is deleted when its user erases everything, and the queue is empty then', async () => {
    const user = await app.createUser();
    const { conversation_id: id = '' } = await ask(user);
    expect((await user.request('DELETE', '/api/chat/me')).status).toBe(200);
    await until(() => isDeleted(id) === true);
    await until(async () => (await queued()).length === 0);
  });

  it('stays when its session is deleted, and is deleted if the setting says so', async () => {
    const user = await app.createUser();
    const [kept, dropped] = [await ask(user), await ask(user)];
    await user.request('DELETE', `/api/chat/sessions/${kept['session_id']}`);
    const url = await app.startAnother({ DIFY_DELETE_CONVERSATIONS: 'true' });
    const other = createClient(url, user.token, user.user);
    await other.request('DELETE', `/api/chat/sessions/${dropped['session_id']}`);
    await until(() => isDeleted(dropped['conversation_id'] ?? '') === true);
    expect(isDeleted(kept['conversation_id'] ?? '')).toBe(false);

    await user.request('POST', `/api/chat/sessions/${dropped['session_id']}/restore`);
    const again = { character_id: characterId, query: 'Go on', session_id: dropped['session_id'] };
    const { status, body } = await user.ask(again);
    expect(status).toBe(200);
    expect(body.data[0].conversation_id).not.toBe(dropped['conversation_id']);
    await app.signalAnother(url, 'SIGTERM');
  });

  /** Asks a question that Dify answers only after `answer` is called. @returns the ids of the turn. */
  async function askSlowly(user: Client) {
    const [asked, answering] = [createGate(), createGate()];
    let conversationId = '';
    app.dify.script(async (reply) => {
      ({ conversationId } = reply);
      asked.open();
      await answering.opened;
      await reply.say('late');
      await reply.end();
    });
    const { events } = await user.stream({ character_id: characterId, query: 'Slow question' });
    const { turn_id, session_id } = (await events.next()).value?.data ?? {};
    await asked.opened;
    return { conversationId, turn_id, session_id, answer: answering.open };
  }

  it('is deleted when Dify begins it only after its user has erased everything', async () => {
    const user = await app.createUser();
    const { conversationId, answer } = await askSlowly(user);
    expect((await user.request('DELETE', '/api/chat/me')).status).toBe(200);
    answer();
    await until(() => isDeleted(conversationId) === true);
  });

  it('is deleted when its user is deleted while Dify answers', async () => {
    const user = await app.createUser();
    const { conversationId, answer } = await askSlowly(user);
    const path = '/content-manager/collection-types/plugin::users-permissions.user';
    await app.admin.client.request('DELETE', `${path}/${user.user.documentId}`);
    answer();
    await until(() => isDeleted(conversationId) === true);
  });

  it('continues after a stop, even if Dify names it only later', async () => {
    const user = await app.createUser();
    const { conversationId, turn_id, session_id, answer } = await askSlowly(user);
    await user.post(`/api/chat-conversations/turns/${turn_id}/stop`, {});
    answer();
    const session = () => app.db('chat_sessions').where({ session_id }).first('conversation_id');
    await until(async () => (await session()).conversation_id === conversationId);
    const { body } = await user.ask({ character_id: characterId, query: 'Go on', session_id });
    expect(body.data[0].conversation_id).toBe(conversationId);
  });

  it('is deleted when an administrator deletes its session', async () => {
    const user = await app.createUser();
    const { conversation_id: id = '', session_id } = await ask(user);
    const { document_id } = await app.db('chat_sessions').where({ session_id }).first('document_id');
    const path = '/content-manager/collection-types/api::chat-session.chat-session';
    expect((await app.admin.client.request('DELETE', `${path}/${document_id}`)).status).toBe(200);
    await until(() => isDeleted(id) === true);
    await until(async () => (await queued()).length === 0);
  });

  it('is deleted after a restart if Dify was unreachable, and its row names nothing else', async () => {
    const user = await app.createUser();
    const { conversation_id: id = '' } = await ask(user);
    const url = await app.startAnother({ DIFY_API_URL: 'http://127.0.0.1:9' });
    await createClient(url, user.token, user.user).request('DELETE', '/api/chat/me');
    await until(async () => (await queued().where({ tries: 1 })).length === 1);
    expect(await queued()).toEqual([
      {
        id: expect.any(Number),
        conversation_id: id,
        upstream: 'dify',
        upstream_user: `user-${user.user.documentId}`,
        due: expect.anything(),
        tries: 1,
      },
    ]);
    await app.signalAnother(url, 'SIGTERM');
    expect(isDeleted(id)).toBe(false);
    await app.signal('SIGTERM');
    await queued().update({ due: 0 });
    await app.restart();
    await until(() => isDeleted(id) === true);
    await until(async () => (await queued()).length === 0);
  });
});

it('a start purges what was deleted too long ago to be restored, and keeps the rest', async () => {
  const user = await app.createUser();
  const [kept, old] = [await createSession(user, 'kept'), await createSession(user, 'old')];
  await insertMessages(user, old, 1_100, 'old');
  const conversation = (await user.ask({ character_id: characterId, query: 'Old', session_id: old })).body
    .data[0].conversation_id;
  await add(user, kept, 'here');
  const recent = (await add(user, kept, 'deleted lately')).body.data;
  const aged = (await add(user, kept, 'deleted long ago')).body.data;
  for (const { message_id } of [recent, aged])
    await user.request('DELETE', `/api/chat/messages/${message_id}`);
  await user.request('DELETE', `/api/chat/sessions/${old}`);
  const longAgo = new Date(Date.now() - 31 * 86_400_000);
  const age = (table: string, where: object) => app.db(table).where(where).update({ deleted_at: longAgo });
  const { id } = await app.db('chat_sessions').where({ session_id: old }).first('id');
  await age('chat_sessions', { id });
  await age('chat_conversations', { session_id: id });
  await age('chat_conversations', { id: aged.message_id });

  const gone = { upstream: 'dify:gone' };
  await app.db('chat_upstream_keys').insert({ ...gone, sealed_key: 'sealed' });

  // Each process purges when it starts. On PostgreSQL, two processes start together.
  await app.signal('SIGTERM');
  await Promise.all([app.restart(), ...(process.env['TEST_POSTGRES_URL'] ? [app.startAnother()] : [])]);
  while (!app.output().includes('Purged')) await new Promise((resolve) => setTimeout(resolve, 50));

  expect(await app.db('chat_sessions').where({ session_id: old })).toEqual([]);
  await until(() => app.dify.conversations().find(({ id: one }) => one === conversation)?.deleted === true);
  await until(async () => (await app.db('chat_upstream_keys').where(gone)).length === 0);
  expect(await countRows(user.user.id)).toEqual({ sessions: 1, messages: 2 });
  expect((await user.request('POST', `/api/chat/messages/${recent.message_id}/restore`)).status).toBe(200);
  expect(app.output()).not.toContain('could not be purged');
});
