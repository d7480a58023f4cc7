import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import type { Client, Reply } from '../support/client';

let app: App;
let characterId: string;

beforeAll(async () => {
  app = await startApp();
  characterId = (await app.admin.createCharacter({ name: 'Ada' })).documentId;
});
afterAll(() => app.stop());

/** Repeats a request until its reply matches, because the history gets new turns some seconds late. */
async function until(ask: () => Promise<Reply>, isThere: (reply: Reply) => boolean): Promise<Reply> {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const reply = await ask();
    if (isThere(reply)) return reply;
    if (Date.now() > deadline)
      throw new Error(`The reply did not match in time: ${reply.status} ${reply.text}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Asks the questions in one session and waits until the history has them. @returns the session id */
async function chat(user: Client, queries: readonly string[]): Promise<string> {
  let session: string | undefined;
  for (const query of queries) {
    const { body } = await user.ask({ character_id: characterId, query, session_id: session });
    session ??= (body.data?.[0]?.session_id ?? body.error.details.session_id) as string;
  }
  await until(
    () => user.get('/api/v1/conversations'),
    ({ body }) =>
      body.conversations?.some(
        (one: { conversation_id: string; records: number }) =>
          one.conversation_id === session && one.records === queries.length,
      ) === true,
  );
  return session ?? '';
}

const contents = ({ body }: Reply) => (body.messages as { content: string }[]).map(({ content }) => content);

describe('the history', () => {
  it('contains questions, answers and errors', async () => {
    const user = await app.createUser();
    const id = await chat(user, ['First', '#fault:error-after-deltas after=3 Second', 'Third']);
    const { body } = await user.get('/api/v1/conversations');
    expect(body).toEqual({
      conversations: [
        {
          conversation_id: id,
          user_id: user.user.id,
          title: 'First',
          model: 'dify',
          ai_character: { documentId: characterId, name: 'Ada' },
          records: 3,
          errors: 1,
          total_tokens: expect.any(Number),
          created_at: expect.any(String),
          updated_at: expect.any(String),
        },
      ],
      next_cursor: null,
    });
    const reply = await user.get(`/api/v1/conversations/${id}`);
    const roles = reply.body.messages.map(({ role }: { role: string }) => role);
    expect(roles).toEqual(['user', 'assistant', 'user', 'assistant', 'user', 'assistant']);
    const [, answer, , broken] = reply.body.messages;
    const [, saved] = (await user.myList(`?filters[session_id]=${id}&sort=id:asc`)).body.data;
    expect([answer.content, answer.record_id, answer.error]).toEqual([saved.answer, saved.turn_id, null]);
    expect(answer.usage.total_tokens).toBe(saved.usage.total_tokens);
    expect(broken.error).toMatchObject({ code: 'upstream-failed', phase: 'during-answer' });
    expect(broken.content).not.toBe('');
  });

  it("finds and deletes a conversation by Dify's id of it", async () => {
    const user = await app.createUser();
    const id = await chat(user, ['First', 'Second']);
    const { conversation_id } = (await user.get(`/api/chat/sessions/${id}`)).body.data;
    const own = await user.get(`/api/v1/conversations/${id}`);
    expect((await user.get(`/api/v1/conversations/${conversation_id}?limit=100`)).body).toEqual(own.body);
    const byAdmin = await app.admin.client.get(`/admin/history/conversations/${conversation_id}`);
    expect(byAdmin.body.messages).toEqual(own.body.messages);
    await user.request('DELETE', `/api/chat/sessions/${id}`);
    const other = await app.createUser();
    const path = `/api/v1/conversations/${conversation_id}`;
    expect((await other.request('DELETE', path)).status).toBe(404);
    expect((await user.request('DELETE', path)).status).toBe(200);
    const gone = [await user.get(path), await user.get(`/api/v1/conversations/${id}`)];
    expect(gone.map(({ status }) => status)).toEqual([404, 404]);
  });

  it('keeps both lines of a turn after an administrator deletes one of them', async () => {
    const user = await app.createUser();
    const id = await chat(user, ['Kept']);
    const before = (await user.get(`/api/v1/conversations/${id}`)).body.messages;
    const [question] = (await user.myList(`?filters[session_id]=${id}&sort=id:asc`)).body.data;
    const messages = '/content-manager/collection-types/api::chat-conversation.chat-conversation';
    const { status } = await app.admin.client.request('DELETE', `${messages}/${question.documentId}`);
    expect(status).toBe(200);
    // The history is copied in order, so a later turn shows that it has seen the deletion.
    await chat(user, ['Later']);
    expect((await user.get(`/api/v1/conversations/${id}`)).body.messages).toEqual(before);
    expect(before).toMatchObject([
      { role: 'user', content: 'Kept' },
      { role: 'assistant', content: expect.any(String) },
    ]);
  });

  it('is listed page by page', async () => {
    const user = await app.createUser();
    const id = await chat(user, ['1', '2', '3']);
    const path = `/api/v1/conversations/${id}?limit=2`;
    const latest = await user.get(path);
    const before = await user.get(`${path}&cursor=${latest.body.next_cursor}`);
    const first = await user.get(`${path}&cursor=${before.body.next_cursor}`);
    expect([latest, before, first].map((reply) => contents(reply)[0])).toEqual(['3', '2', '1']);

    const other = await chat(user, ['Another']);
    const list = await user.get('/api/v1/conversations?limit=1');
    expect(list.body.conversations[0].conversation_id).toBe(other);
    const rest = await user.get(`/api/v1/conversations?limit=1&cursor=${list.body.next_cursor}`);
    expect(rest.body.conversations[0].conversation_id).toBe(id);
    expect((await user.get('/api/v1/conversations?limit=1&offset=1')).body.conversations).toEqual(
      rest.body.conversations,
    );
  });

  it('returns statistics that match the messages', async () => {
    const user = await app.createUser();
    await chat(user, ['1', '2']);
    const { body } = await user.get('/api/v1/stats/conversations?time_zone=Asia/Shanghai');
    expect([body.conversations, body.time_zone, body.days.length]).toEqual([1, 'Asia/Shanghai', 30]);
    const { data } = (await user.myList('?filters[role]=assistant')).body;
    const tokens = data.reduce(
      (sum: number, { usage }: { usage: { total_tokens: number } }) => sum + usage.total_tokens,
      0,
    );
    const { days: _days, models, characters } = body;
    expect(body.totals).toMatchObject({ records: 2, errors: 0, total_tokens: tokens });
    expect(models).toEqual([{ model: 'dify', ...body.totals }]);
    expect(characters).toEqual([{ ai_character: { documentId: characterId, name: 'Ada' }, ...body.totals }]);
    const sum = body.days.reduce(
      (all: number, { total_tokens: some }: { total_tokens: number }) => all + some,
      0,
    );
    expect(sum).toBe(tokens);
    expect(Number(Object.values(body.totals.price)[0])).toBeGreaterThan(0);
  });

  it("returns the same 404 for another user's and an unknown conversation", async () => {
    const [ada, bob] = [await app.createUser(), await app.createUser()];
    const id = await chat(ada, ['Mine']);
    const [others, nobodys] = [`/api/v1/conversations/${id}`, `/api/v1/conversations/${randomUUID()}`];
    for (const method of ['GET', 'DELETE']) {
      const replies = [await bob.request(method, others), await bob.request(method, nobodys)];
      expect(replies.map(({ status }) => status)).toEqual([404, 404]);
      expect(replies[0]?.text).toBe(replies[1]?.text);
      expect(replies[0]?.body.error.details.code).toBe('conversation-not-found');
    }
    expect((await bob.get('/api/v1/conversations')).body.conversations).toEqual([]);
    expect((await bob.get('/api/v1/stats/conversations')).body.totals.records).toBe(0);
    expect(contents(await ada.get(others))[0]).toBe('Mine');
  });

  it('deletes a conversation permanently and keeps its session', async () => {
    const user = await app.createUser();
    const id = await chat(user, ['Forget me']);
    await chat(user, ['Keep me']);
    const { status, body } = await user.request('DELETE', `/api/v1/conversations/${id}`);
    expect([status, body]).toEqual([200, { message: 'Conversation deleted successfully' }]);
    expect((await user.get(`/api/v1/conversations/${id}`)).status).toBe(404);
    expect((await user.request('DELETE', `/api/v1/conversations/${id}`)).status).toBe(404);
    expect((await user.get('/api/v1/conversations')).body.conversations).toHaveLength(1);
    expect((await user.get('/api/v1/stats/conversations')).body.totals.records).toBe(1);
    expect((await user.myList()).body.data).toHaveLength(4);
    await user.ask({ character_id: characterId, query: 'Again', session_id: id });
    const again = await until(
      () => user.get(`/api/v1/conversations/${id}`),
      (reply) => reply.status === 200,
    );
    expect(contents(again)[0]).toBe('Again');
  });

  it('deletes all conversations of a user who erases all data', async () => {
    const user = await app.createUser();
    const id = await chat(user, ['Forget me']);
    expect((await user.request('DELETE', '/api/chat/me')).status).toBe(200);
    const gone = await until(
      () => user.get(`/api/v1/conversations/${id}`),
      ({ status }) => status === 404,
    );
    expect(gone.body.error.details.code).toBe('conversation-not-found');
  });

  it('shows administrators the conversations of all users or of one user', async () => {
    const [ada, bob] = [await app.createUser(), await app.createUser()];
    const [adas, bobs] = [await chat(ada, ['Ada’s']), await chat(bob, ['Bob’s'])];
    const admin = app.admin.client;
    const listed = async (query: string) =>
      (await admin.get(`/admin/history/conversations${query}`)).body.conversations.map(
        (one: { conversation_id: string }) => one.conversation_id,
      );
    expect(await listed('?limit=2')).toEqual([bobs, adas]);
    expect(await listed(`?user_id=${ada.user.id}`)).toEqual([adas]);
    expect(contents(await admin.get(`/admin/history/conversations/${bobs}`))[0]).toBe('Bob’s');
    const notHers = await admin.get(`/admin/history/conversations/${bobs}?user_id=${ada.user.id}`);
    expect([notHers.status, notHers.body.error.details.code]).toEqual([404, 'conversation-not-found']);
    const stats = async (query: string) =>
      (await admin.get(`/admin/history/stats${query}`)).body.totals.records as number;
    expect(await stats(`?user_id=${bob.user.id}`)).toBe(1);
    expect(await stats('')).toBeGreaterThan(1);
  });
});
