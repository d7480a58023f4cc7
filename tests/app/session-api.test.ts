import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import { readStream, type Client, type Reply } from '../support/client';
import { createGate } from '../support/gate';
import { connect } from '../support/socket-client';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

const patch = (path: string, body: unknown, as = user) => as.request('PATCH', path, { body });
const remove = (path: string, as = user) => as.request('DELETE', path);
const post = (path: string, body?: unknown, as = user) => as.request('POST', path, { body });

async function createSession(body: Readonly<Record<string, unknown>> = {}, as = user) {
  return (await post('/api/chat/session', body, as)).body.data;
}

async function addMessage(sessionId: string, content: string, role = 'user') {
  return (await post('/api/chat/message', { session_id: sessionId, content, role })).body.data;
}

function expectSuccess({ status, body }: Reply): void {
  expect([status, body.code, body.message]).toEqual([200, 200, 'success']);
}

function expectError({ status, body }: Reply, expected: number, code?: string): void {
  expect([status, body.code, body.data]).toEqual([expected, expected, null]);
  expect(body.message).toEqual(expect.any(String));
  if (code !== undefined) expect(body.error.code).toBe(code);
}

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/u);
const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/u);

describe('a session', () => {
  /** Asks a question in a new session. @returns its ids and the ids of its answer */
  async function ask(query = 'How is the sea?', as = user) {
    const [, answer] = (await as.ask({ character_id: characterId, query })).body.data;
    return answer as Readonly<Record<'session_id' | 'conversation_id' | 'message_id' | 'query', string>>;
  }

  it("is found by Dify's conversation id as by its own, on every path and in every body", async () => {
    const { session_id, conversation_id, message_id } = await ask();
    // eslint-disable-next-line @typescript-eslint/no-explicit-any -- replies of two APIs, each with its own shape
    const found: [path: string, at: (body: any) => unknown][] = [
      [`/api/chat/sessions/:id`, ({ data }) => data.session_id],
      [`/aichat/sessions/:id`, ({ data }) => data.session_id],
      [`/api/chat/sessions/:id/messages`, ({ data }) => data.total],
      [`/aichat/sessions/:id/messages`, ({ data }) => data.total],
      [`/api/chat/sessions/:id/messages/${message_id}`, ({ data }) => data.public_id],
      [`/conversations/:id/messages`, (lines) => lines.length],
      [`/api/conversations/:id/messages`, (lines) => lines.length],
    ];
    for (const [path, at] of found) {
      const [own, difys] = [
        await user.get(path.replace(':id', session_id)),
        await user.get(path.replace(':id', conversation_id)),
      ];
      expect([path, difys.status, difys.text]).toEqual([path, 200, own.text]);
      expect(at(difys.body)).toBeTruthy();
    }
    for (const id of [session_id, conversation_id]) {
      const added = await post('/api/chat/message', { session_id: id, content: 'x', role: 'user' });
      expect(added.body.data.session_id).toBe(session_id);
      const line = await post(`/conversations/${id}/messages`, { role: 'user', content: 'x' });
      expect(line.body.conversation_id).toBe(session_id);
      for (const name of ['session_id', 'conversation_id']) {
        const asked = await user.ask({ character_id: characterId, query: 'Again?', [name]: id });
        expect([name, asked.body.data?.[0].session_id]).toEqual([name, session_id]);
      }
    }
  });

  it("is connected, renamed, deleted and restored by Dify's conversation id", async () => {
    const { session_id, conversation_id } = await ask();
    const device = await connect(app.url, `/ws/${conversation_id}`, { token: user.token });
    expect(await device.until(({ event }) => event === 'connected')).toMatchObject({ session_id });
    expectSuccess(await patch(`/api/chat/sessions/${conversation_id}`, { new_title: 'Winter' }));
    expect(await device.until(({ event }) => event === 'session_renamed')).toMatchObject({
      session_id,
      title: 'Winter',
    });
    expectSuccess(await remove(`/api/chat/sessions/${conversation_id}`));
    expect(await device.until(({ event }) => event === 'session_deleted')).toMatchObject({ session_id });
    await device.closed;
    expectError(await user.get(`/api/chat/sessions/${session_id}`), 404, 'session-not-found');
    expectSuccess(await post(`/api/chat/sessions/${conversation_id}/restore`));
    expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data.title).toBe('Winter');
  });

  it("is the same 404 by another user's conversation id as by an unknown one", async () => {
    const { session_id, conversation_id, message_id } = await ask();
    const other = await app.createUser();
    const bodies = async (id: string) =>
      Promise.all([
        other.get(`/api/chat/sessions/${id}`),
        other.get(`/api/chat/sessions/${id}/messages`),
        other.get(`/api/chat/sessions/${id}/messages/${message_id}`),
        other.get(`/aichat/sessions/${id}`),
        other.get(`/conversations/${id}/messages`),
        patch(`/api/chat/sessions/${id}`, { new_title: 'theirs' }, other),
        remove(`/api/chat/sessions/${id}`, other),
        post(`/api/chat/sessions/${id}/restore`, undefined, other),
        post('/api/chat/message', { session_id: id, content: 'x' }, other),
        post(`/conversations/${id}/messages`, { role: 'user', content: 'x' }, other),
        other.ask({ character_id: characterId, query: 'x', conversation_id: id }),
        other.ask({ character_id: characterId, query: 'x', session_id: id }),
        other.get(`/api/v1/conversations/${id}`),
        remove(`/api/v1/conversations/${id}`, other),
      ]);
    const unknown = (await bodies(randomUUID())).map(({ status, text }) => [status, text]);
    expect(unknown.map(([status]) => status)).toEqual(unknown.map(() => 404));
    for (const id of [session_id, conversation_id]) {
      expect((await bodies(id)).map(({ status, text }) => [status, text])).toEqual(unknown);
    }
  });
});

describe('sessions', () => {
  it.each(['/api/chat/session', '/aichat/createsession', '/api/aichat/createsession'])(
    "are created at %s with any of the user's own ids, or without user_id",
    async (path) => {
      for (const user_id of [String(user.user.id), user.user.id, user.user.documentId, undefined]) {
        const reply = await post(path, { user_id, title: '技术讨论' });
        expectSuccess(reply);
        expect(reply.body.data).toMatchObject({
          session_id: uuid,
          user_id: String(user.user.id),
          title: '技术讨论',
          message_count: 0,
          created_at: time,
          updated_at: time,
          is_deleted: false,
        });
      }
    },
  );

  it('have a default title if none is given', async () => {
    expect((await createSession()).title).toBe('新会话');
    expect((await createSession({ title: '  ' })).title).toBe('新会话');
  });

  it('are found by their id, and listed with the newest message first', async () => {
    const owner = await app.createUser();
    const first = await createSession({ title: 'first' }, owner);
    const second = await createSession({ title: 'second' }, owner);
    expect((await owner.get(`/api/chat/sessions/${first.session_id}`)).body).toEqual({
      code: 200,
      message: 'success',
      data: first,
    });
    const titles = async () =>
      (await post('/api/chat/sessions', { user_id: String(owner.user.id) }, owner)).body.data.map(
        ({ title }: { title: string }) => title,
      );
    expect(await titles()).toEqual(['second', 'first']);
    await post('/api/chat/message', { session_id: first.session_id, content: 'Hello' }, owner);
    expect(await titles()).toEqual(['first', 'second']);
    expect(second.session_id).not.toBe(first.session_id);
  });

  it('are listed in pages, by page_size or pageSize, with their total in the view', async () => {
    const owner = await app.createUser();
    for (let i = 1; i <= 5; i += 1) await createSession({ title: `number ${i}` }, owner);
    const view = (query: string) => owner.get(`/aichat/getsessionlist/${owner.user.id}${query}`);
    const page = (await view('?page=2&page_size=2')).body.data;
    expect(page).toMatchObject({ total: 5, page: 2, page_size: 2 });
    expect(page.items.map(({ title }: { title: string }) => title)).toEqual(['number 3', 'number 2']);
    expect((await view('?pageSize=3')).body.data.items).toHaveLength(3);
    expect((await view('?page=9')).body.data).toMatchObject({ items: [], total: 5, page: 9, page_size: 20 });
    const list = await post('/api/chat/sessions', { page: 3, page_size: 2 }, owner);
    expect(list.body.data).toHaveLength(1);
    for (const none of [null, undefined]) {
      const usual = await post('/api/chat/sessions', { user_id: none, page: none, page_size: none }, owner);
      expect(usual.body.data).toHaveLength(5);
    }
    for (const query of ['?page=0', '?page=x', '?page_size=-1', '?page=1.5']) {
      expectError(await view(query), 400, 'invalid-request');
    }
  });

  it.each(['/api/chat/sessions', '/aichat/sessions'])('are renamed at %s', async (path) => {
    const { session_id } = await createSession();
    const reply = await patch(`${path}/${session_id}`, { new_title: '更新后的标题' });
    expect(reply.body).toEqual({ code: 200, message: 'success', data: '标题更新成功' });
    expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data.title).toBe('更新后的标题');
    expectError(await patch(`${path}/${session_id}`, { new_title: 'x'.repeat(256) }), 400, 'invalid-request');
    expectError(await patch(`${path}/${session_id}`, { new_title: 7 }), 400, 'invalid-request');
  });

  it.each(['/api/chat/sessions', '/aichat/sessions'])(
    'keep their title and times at %s when an update names no title',
    async (path) => {
      const { session_id } = await createSession();
      await patch(`${path}/${session_id}`, { new_title: 'kept' });
      const before = (await user.get(`/api/chat/sessions/${session_id}`)).body.data;
      for (const body of [{}, { title: 'lost' }, { new_tilte: 'lost' }, []]) {
        expectError(await patch(`${path}/${session_id}`, body), 400, 'invalid-request');
      }
      expectError(await user.request('PATCH', `${path}/${session_id}`), 400, 'invalid-request');
      expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data).toEqual(before);
    },
  );

  it.each(['/api/chat/sessions', '/aichat/deletesession'])(
    'are deleted at %s with all their messages, and can be restored',
    async (path) => {
      const { session_id } = await createSession();
      const gone = await addMessage(session_id, 'gone before');
      const kept = await addMessage(session_id, 'kept');
      await remove(`/api/chat/messages/${gone.message_id}`);
      const reply = await remove(`${path}/${session_id}`);
      expect(reply.body).toEqual({ code: 200, message: 'success', data: '会话删除成功' });
      expectError(await user.get(`/api/chat/sessions/${session_id}`), 404, 'session-not-found');
      expectError(await remove(`${path}/${session_id}`), 404, 'session-not-found');
      expectError(await post(`/api/chat/messages/${kept.message_id}/restore`), 404, 'message-not-found');
      const said = `?filters[session_id]=${session_id}`;
      expect((await user.myList(said)).body.data).toEqual([]);

      expectSuccess(await post(`/api/chat/sessions/${session_id}/restore`));
      expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data.message_count).toBe(1);
      const { items } = (await user.get(`/api/chat/sessions/${session_id}/messages`)).body.data;
      expect(items.map(({ content }: { content: string }) => content)).toEqual(['kept']);
      expectError(await post(`/api/chat/sessions/${session_id}/restore`), 404, 'session-not-found');
    },
  );

  it('show their live turn, and can be deleted while it is being answered', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.end();
    });
    const { events } = await user.stream({ character_id: characterId, query: 'Which turn?' });
    const { session_id, turn_id } = (await events.next()).value?.data ?? {};
    const session = await user.get(`/api/chat/sessions/${session_id}`);
    expect(session.body.data.live_turn_id).toBe(turn_id);
    const deleted = remove(`/api/chat/sessions/${session_id}`);
    finish();
    expect((await deleted).status).toBe(200);
    await readStream(events);
    expectSuccess(await post(`/api/chat/sessions/${session_id}/restore`));
    expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data).toMatchObject({
      live_turn_id: null,
      message_count: 2,
    });
  });
});

describe('messages', () => {
  it('are stored unchanged, counted, and found by id and in the list', async () => {
    const { session_id } = await createSession();
    const reply = await post('/api/chat/message', { session_id, content: '如何学习Python？', role: 'user' });
    expectSuccess(reply);
    expect(reply.body.data).toMatchObject({
      message_id: expect.any(Number),
      session_id,
      role: 'user',
      content: '如何学习Python？',
      created_at: time,
      updated_at: time,
      is_deleted: false,
    });
    const answer = await addMessage(session_id, '每天写一点。', 'assistant');
    const tool = await addMessage(session_id, '{"ok":true}', 'tool');
    const path = `/api/chat/sessions/${session_id}/messages`;
    expect((await user.get(`${path}/${answer.message_id}`)).body.data).toEqual(answer);
    expect((await user.get(`${path}/${answer.public_id}`)).body.data).toEqual(answer);
    for (const list of [path, `/aichat/sessions/${session_id}/messages`]) {
      expect((await user.get(list)).body.data).toEqual({
        items: [reply.body.data, answer, tool],
        total: 3,
        page: 1,
        page_size: 50,
      });
    }
    expect((await user.get(`${path}?page=2&pageSize=2`)).body.data).toMatchObject({
      items: [tool],
      total: 3,
      page: 2,
      page_size: 2,
    });
    for (const order of ['desc', 'DESC']) {
      expect((await user.get(`${path}?order=${order}&page_size=1`)).body.data.items).toEqual([tool]);
    }
    expect((await user.get(`${path}?order=ASC&page_size=1`)).body.data.items).toEqual([reply.body.data]);
    for (const query of ['order=', 'order=descending', 'order=asc&order=desc']) {
      expectError(await user.get(`${path}?${query}`), 400, 'invalid-request');
    }
    expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data.message_count).toBe(3);
    expect(app.dify.requests.some(({ body }) => JSON.stringify(body).includes('Python'))).toBe(false);
  });

  it('are refused if they are invalid, and nothing is stored', async () => {
    const { session_id } = await createSession();
    for (const body of [
      { session_id, content: '' },
      { session_id, content: 7 },
      { session_id },
      { content: 'no session' },
      { session_id, content: 'x', role: 'system' },
      { session_id, content: 'x', role: 'assistant', reply: true },
      { session_id, content: 'x', reply: true },
      { session_id, content: 'x'.repeat(20_001) },
      { session_id, content: 'x', tool_calls: [['x'.repeat(20_001)]] },
      undefined,
      [],
    ]) {
      expectError(await post('/api/chat/message', body), 400, 'invalid-request');
    }
    expectError(
      await post('/api/chat/message', { session_id: randomUUID(), content: 'x' }),
      404,
      'session-not-found',
    );
    expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data.message_count).toBe(0);
  });

  it('with tool calls are stored unchanged, and refused if the calls are too deep or too many', async () => {
    const { session_id } = await createSession();
    const toolCalls = [{ id: 'call-1', function: { name: 'weather', arguments: '{"place":"岛"}' } }];
    const stored = await post('/api/chat/message', {
      session_id,
      content: 'x',
      role: 'assistant',
      tool_calls: toolCalls,
    });
    expect(stored.body.data.tool_calls).toEqual(toolCalls);
    const list = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    const object = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
    for (const calls of [
      list(9),
      list(1_000),
      list(10_000),
      list(400_000),
      `[${object(9)}]`,
      `[${object(10_000)}]`,
      `[${object(100_000)}]`,
      JSON.stringify(Array.from({ length: 101 }, () => 1)),
      '{}',
      '"text"',
      '7',
    ]) {
      const rawBody = `{"session_id":"${session_id}","content":"x","role":"assistant","tool_calls":${calls}}`;
      const headers = { 'Content-Type': 'application/json' };
      expectError(
        await user.request('POST', '/api/chat/message', { rawBody, headers }),
        400,
        'invalid-request',
      );
    }
    expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data.message_count).toBe(1);
  });

  it("are answered by the session's character if the client asks for a reply", async () => {
    const { session_id } = await createSession({ character_id: characterId });
    const { status, body } = await post('/api/chat/message', {
      session_id,
      content: 'Who are you?',
      reply: true,
    });
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ role: 'user', content: 'Who are you?', session_id });
    expect(body.data.reply).toMatchObject({
      role: 'assistant',
      outcome: 'completed',
      turn_id: body.data.turn_id,
    });
    expect(body.data.reply.content).not.toBe('');
    const { items } = (await user.get(`/api/chat/sessions/${session_id}/messages`)).body.data;
    expect(items).toEqual([expect.objectContaining({ content: 'Who are you?' }), body.data.reply]);
  });

  it('are answered as an event stream on request, and once for each Idempotency-Key', async () => {
    const { session_id } = await createSession({ character_id: characterId });
    const body = { session_id, content: 'Only once', reply: true };
    const headers = { 'Idempotency-Key': randomUUID() };
    const first = await user.request('POST', '/api/chat/message', { body, headers });
    expect(first.headers.get('x-ratelimit-limit')).not.toBeNull();
    expect(first.headers.get('idempotent-replayed')).toBeNull();
    const again = await user.request('POST', '/api/chat/message', { body, headers });
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect(again.body).toEqual(first.body);
    const wantsStream = { ...headers, Accept: 'text/event-stream' };
    const streamed = await user.request('POST', '/api/chat/message', { body, headers: wantsStream });
    expect(streamed.headers.get('content-type')).toContain('text/event-stream');
    const other = { ...body, content: 'Something else' };
    expectError(await user.request('POST', '/api/chat/message', { body: other, headers }), 422);
    const { total } = (await user.get(`/api/chat/sessions/${session_id}/messages`)).body.data;
    expect(total).toBe(2);
  });

  it('are deleted individually, counted, and can be restored', async () => {
    const { session_id } = await createSession();
    const { message_id } = await addMessage(session_id, 'delete me');
    const reply = await remove(`/api/chat/messages/${message_id}`);
    expect(reply.body).toEqual({ code: 200, message: 'success', data: '消息删除成功' });
    const path = `/api/chat/sessions/${session_id}/messages`;
    expect((await user.get(path)).body.data).toMatchObject({ items: [], total: 0 });
    expectError(await user.get(`${path}/${message_id}`), 404, 'message-not-found');
    expectError(await remove(`/api/chat/messages/${message_id}`), 404, 'message-not-found');
    expectSuccess(await post(`/api/chat/messages/${message_id}/restore`));
    expect((await user.get(path)).body.data).toMatchObject({ items: [{ content: 'delete me' }], total: 1 });
  });

  it('are neither shown nor found in any line of their turn after they are deleted', async () => {
    const { session_id } = await createSession({ character_id: characterId });
    const asked = { session_id, content: 'My secret?', reply: true };
    const { reply: answer, ...question } = (await post('/api/chat/message', asked)).body.data;
    const lines = async (filter = '') => {
      const { data } = (await user.myList(`?filters[session_id]=${session_id}${filter}`)).body;
      return data.map(({ role, query, answer }: Record<string, unknown>) => [role, query, answer]);
    };
    const whole = await lines();
    expect(whole).toEqual([
      ['assistant', 'My secret?', answer.content],
      ['user', 'My secret?', answer.content],
    ]);
    await remove(`/api/chat/messages/${answer.message_id}`);
    expect(await lines()).toEqual([['user', 'My secret?', null]]);
    expect(await lines('&filters[answer][$notNull]=true')).toEqual([]);
    await post(`/api/chat/messages/${answer.message_id}/restore`);
    await remove(`/api/chat/messages/${question.message_id}`);
    expect(await lines()).toEqual([['assistant', '', answer.content]]);
    expect(await lines('&filters[query][$contains]=secret')).toEqual([]);
    const { turn_id } = question;
    expect(await app.db('chat_conversations').where({ turn_id, query: 'My secret?' }).pluck('role')).toEqual([
      'user',
    ]);
    await post(`/api/chat/messages/${question.message_id}/restore`);
    expect(await lines()).toEqual(whole);
  });

  it('cannot be restored 31 days after they are deleted, and neither can sessions', async () => {
    const { session_id } = await createSession();
    const { message_id } = await addMessage(session_id, 'too late');
    const longAgo = new Date(Date.now() - 31 * 86_400_000);
    await remove(`/api/chat/messages/${message_id}`);
    await app.db('chat_conversations').where({ id: message_id }).update({ deleted_at: longAgo });
    expectError(await post(`/api/chat/messages/${message_id}/restore`), 404, 'message-not-found');
    await remove(`/api/chat/sessions/${session_id}`);
    await app.db('chat_sessions').where({ session_id }).update({ deleted_at: longAgo });
    expectError(await post(`/api/chat/sessions/${session_id}/restore`), 404, 'session-not-found');
  });

  it('of role user are edited, also in the row of the answer, and later answers are superseded', async () => {
    const { body } = await user.ask({ character_id: characterId, query: 'Old words' });
    const [question, answer] = body.data;
    const path = `/api/chat/messages/${question.id}`;
    const reply = await patch(path, { new_content: 'New words' });
    expect(reply.body).toEqual({ code: 200, message: 'success', data: '消息编辑成功' });
    const state = (await user.get(`/api/chat-conversations/turns/${question.turn_id}`)).body.data;
    expect(state.messages.map(({ query }: { query: string }) => query)).toEqual(['New words', 'New words']);
    const rows = await app.db('chat_conversations').where({ turn_id: question.turn_id }).orderBy('id');
    expect(rows.map(({ is_superseded }) => Boolean(is_superseded))).toEqual([false, true]);
    expectError(await patch(`/api/chat/messages/${answer.id}`, { new_content: 'x' }), 400, 'invalid-request');
    expectError(await patch(path, { new_content: ' ' }), 400, 'invalid-request');
    expectError(await patch(path, {}), 400, 'invalid-request');
  });

  it('of a running turn can be neither edited nor deleted', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await finished;
      await reply.end();
    });
    const { events } = await user.stream({ character_id: characterId, query: 'Hands off' });
    const { question_message_id } = (await events.next()).value?.data ?? {};
    const path = `/api/chat/messages/${question_message_id}`;
    expectError(await patch(path, { new_content: 'x' }), 409, 'turn-in-progress');
    expectError(await remove(path), 409, 'turn-in-progress');
    finish();
    await readStream(events);
    expectSuccess(await remove(path));
  });
});

describe('the character of a session', () => {
  interface Shown {
    readonly title: string;
    readonly ai_character: { readonly id: number; readonly documentId: string; readonly name: string } | null;
  }

  it('is in every reply with the session, and selects sessions in every list', async () => {
    const owner = await app.createUser();
    const maren = await app.admin.createCharacter({ name: 'Maren' });
    const anne = await app.admin.createCharacter({ name: 'Anne' });
    const { data } = (await owner.get(`/api/ai-characters/${maren.documentId}`)).body;
    const named = { id: data.id, documentId: maren.documentId, name: 'Maren' };
    const winter = await createSession({ title: 'winter', character_id: maren.documentId }, owner);
    expect(winter.ai_character).toEqual(named);
    const summer = await createSession({ title: 'summer' }, owner);
    expect(summer.ai_character).toBeNull();
    await createSession({ title: 'autumn', character_id: anne.documentId }, owner);
    for (const path of [`/api/chat/sessions/${winter.session_id}`, `/aichat/sessions/${winter.session_id}`]) {
      expect((await owner.get(path)).body.data.ai_character).toEqual(named);
    }

    const paths = ['getsessionlist', 'getsessionlistshow'].map((name) => `/aichat/${name}/${owner.user.id}`);
    const list = async (character?: string | number): Promise<Shown[][]> => {
      const query = character === undefined ? '' : `?character_id=${character}`;
      const pages = await Promise.all(paths.map((path) => owner.get(`${path}${query}`)));
      for (const { body } of pages) expect(body.data.total).toBe(body.data.items.length);
      const posted = await post('/api/chat/sessions', { character_id: character }, owner);
      return [...pages.map(({ body }) => body.data.items), posted.body.data];
    };
    const titles = (lists: Shown[][]) => lists.map((sessions) => sessions.map(({ title }) => title));
    for (const id of [data.id, maren.documentId]) {
      const lists = await list(id);
      expect(titles(lists)).toEqual(Array(3).fill(['winter']));
      for (const [session] of lists) expect(session?.ai_character).toEqual(named);
    }
    expect(titles(await list('unknown'))).toEqual([[], [], []]);
    expect(titles(await list())).toEqual(Array(3).fill(['autumn', 'summer', 'winter']));
    const exported = (await owner.get('/api/chat/export')).text.split('\n').filter((line) => line !== '');
    const lines = exported.map((line) => JSON.parse(line)).filter(({ type }) => type === 'session');
    expect(lines.map(({ ai_character }) => ai_character?.name ?? null)).toEqual(['Maren', null, 'Anne']);
  });
});

describe('the views', () => {
  it('return the first screen in one reply: the sessions, and the last messages of the newest one', async () => {
    const owner = await app.createUser();
    const older = await createSession({ title: 'older' }, owner);
    const newest = await createSession({ title: 'newest' }, owner);
    for (let i = 1; i <= 52; i += 1) {
      await post('/api/chat/message', { session_id: newest.session_id, content: `line ${i}` }, owner);
    }
    const { data } = (await owner.get(`/aichat/getsessionlistshow/${owner.user.documentId}`)).body;
    expect(data).toMatchObject({ total: 2, page: 1, page_size: 20 });
    expect(data.items[1]).toEqual(older);
    const { messages, ...session } = data.items[0];
    expect(session).toMatchObject({ session_id: newest.session_id, message_count: 52 });
    expect(messages.map(({ content }: { content: string }) => content)).toEqual(
      Array.from({ length: 50 }, (_, i) => `line ${i + 3}`),
    );
    const detail = (await owner.get(`/aichat/sessions/${newest.session_id}`)).body.data;
    expect(detail).toEqual(data.items[0]);
  });

  it('return messages on the first page only, which has the session that was updated last', async () => {
    const owner = await app.createUser();
    const older = await createSession({ title: 'older' }, owner);
    const newest = await createSession({ title: 'newest' }, owner);
    for (const { session_id } of [older, newest]) {
      await post('/api/chat/message', { session_id, content: 'Hello' }, owner);
    }
    const show = async (page: number) =>
      (await owner.get(`/aichat/getsessionlistshow/${owner.user.id}?page=${page}&page_size=1`)).body.data;
    const [first] = (await show(1)).items;
    expect([first.session_id, first.messages.length]).toEqual([newest.session_id, 1]);
    const second = await show(2);
    expect(second).toMatchObject({ total: 2, page: 2, page_size: 1 });
    const found = (await owner.get(`/api/chat/sessions/${older.session_id}`)).body.data;
    expect(second.items).toEqual([found]);
  });

  it('return the messages of the session that was changed last, also where another has a newer message', async () => {
    const owner = await app.createUser();
    const older = await createSession({ title: 'older' }, owner);
    const newer = await createSession({ title: 'newer' }, owner);
    const sent = [];
    for (const { session_id } of [older, newer]) {
      sent.push((await post('/api/chat/message', { session_id, content: 'Hello' }, owner)).body.data);
    }
    const shown = async () => {
      const { items } = (await owner.get(`/aichat/getsessionlistshow/${owner.user.id}`)).body.data;
      return items.map(({ title, messages }: { title: string; messages?: unknown[] }) => [
        title,
        messages?.length,
      ]);
    };
    expect(await shown()).toEqual([
      ['newer', 1],
      ['older', undefined],
    ]);
    await patch(`/api/chat/sessions/${older.session_id}`, { new_title: 'renamed' }, owner);
    expect(await shown()).toEqual([
      ['newer', undefined],
      ['renamed', 1],
    ]);
    await patch(`/api/chat/messages/${sent[1].message_id}`, { new_content: 'Edited' }, owner);
    expect(await shown()).toEqual([
      ['newer', 1],
      ['renamed', undefined],
    ]);
  });

  it('are empty for a user without sessions', async () => {
    const owner = await app.createUser();
    const { data } = (await owner.get(`/aichat/getsessionlistshow/${owner.user.id}`)).body;
    expect(data).toEqual({ items: [], total: 0, page: 1, page_size: 20 });
  });
});

describe('the session API and create-message', () => {
  it('show a turn of create-message as two messages of its session', async () => {
    const { body } = await user.ask({ character_id: characterId, query: 'Through the other API' });
    const [question, answer] = body.data;
    const { items, total } = (await user.get(`/api/chat/sessions/${question.session_id}/messages`)).body.data;
    expect(total).toBe(2);
    expect(items).toMatchObject([
      { message_id: question.id, public_id: question.message_id, role: 'user', content: question.query },
      { message_id: answer.id, public_id: answer.message_id, role: 'assistant', content: answer.answer },
    ]);
  });

  it('continue a session of the session API by create-message, which sets its character', async () => {
    const { session_id } = await createSession({ title: 'Mine' });
    const stored = await addMessage(session_id, 'Stored first');
    const { status, body } = await user.ask({ character_id: characterId, query: 'Then asked', session_id });
    expect([status, body.data[0].session_id]).toEqual([200, session_id]);
    const list = (await user.myList(`?filters[session_id]=${session_id}&sort=id:asc`)).body.data;
    expect(list.map(({ message_id }: { message_id: string }) => message_id)).toEqual([
      stored.public_id,
      ...body.data.map(({ message_id }: { message_id: string }) => message_id),
    ]);
    expect((await user.get(`/api/chat/sessions/${session_id}`)).body.data).toMatchObject({
      title: 'Mine',
      message_count: 3,
    });
    const other = (await app.admin.createCharacter()).documentId;
    expect((await user.ask({ character_id: other, query: 'Another', session_id })).status).toBe(400);
  });
});

describe('the session API', () => {
  it("returns 403 for another user's user_id", async () => {
    const other = await app.createUser();
    for (const id of [String(other.user.id), other.user.documentId, '0', '-1', 'nobody']) {
      expectError(await post('/api/chat/session', { user_id: id }), 403, 'not-yourself');
      expectError(await post('/api/chat/sessions', { user_id: id }), 403, 'not-yourself');
      expectError(await user.get(`/aichat/getsessionlist/${id}`), 403, 'not-yourself');
      expectError(await user.get(`/aichat/getsessionlistshow/${id}`), 403, 'not-yourself');
    }
  });

  it("returns the same 404 for another user's and an unknown session or message", async () => {
    const other = await app.createUser();
    const theirs = await createSession({}, other);
    const { message_id } = (
      await post('/api/chat/message', { session_id: theirs.session_id, content: 'secret' }, other)
    ).body.data;
    const calls = (sessionId: string, messageId: string | number): Promise<Reply>[] => [
      user.get(`/api/chat/sessions/${sessionId}`),
      patch(`/api/chat/sessions/${sessionId}`, { new_title: 'x' }),
      remove(`/api/chat/sessions/${sessionId}`),
      post(`/api/chat/sessions/${sessionId}/restore`),
      user.get(`/api/chat/sessions/${sessionId}/messages`),
      user.get(`/api/chat/sessions/${sessionId}/messages/${messageId}`),
      post('/api/chat/message', { session_id: sessionId, content: 'x' }),
      patch(`/api/chat/messages/${messageId}`, { new_content: 'x' }),
      remove(`/api/chat/messages/${messageId}`),
      post(`/api/chat/messages/${messageId}/restore`),
      user.get(`/aichat/sessions/${sessionId}`),
      patch(`/aichat/sessions/${sessionId}`, { new_title: 'x' }),
      remove(`/aichat/deletesession/${sessionId}`),
      user.get(`/aichat/sessions/${sessionId}/messages`),
    ];
    const [mine, nobodys] = await Promise.all([
      Promise.all(calls(theirs.session_id, message_id)),
      Promise.all(calls(randomUUID(), 2_000_000_000)),
    ]);
    mine.forEach((reply, index) => {
      expectError(reply, 404);
      expect(reply.text).toBe(nobodys[index]?.text);
    });
    expect((await other.get(`/api/chat/sessions/${theirs.session_id}`)).body.data.message_count).toBe(1);
  });

  it('returns 401 in its envelope without a login', async () => {
    expectError(await app.anonymous.get(`/api/chat/sessions/${randomUUID()}`), 401);
    expectError(await post('/api/chat/session', {}, app.anonymous), 401);
    expectError(await app.anonymous.get('/aichat/getsessionlist/1'), 401);
  });

  it('returns 404, not 500, for a hostile id', async () => {
    for (const id of [
      '%00',
      "'%20or%201=1--",
      '%F0%9F%92%A5',
      '9'.repeat(40),
      'x'.repeat(300),
      '-1',
      '1e3',
    ]) {
      expectError(await user.get(`/api/chat/sessions/${id}`), 404);
      expectError(await remove(`/api/chat/messages/${id}`), 404);
    }
  });
});
