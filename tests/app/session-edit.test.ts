import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import { askedOf } from '../support/asked';
import { readStream, textOf, type Client, type Reply } from '../support/client';
import { createGate } from '../support/gate';
import { removePrompt } from '../support/remove-prompt';
import { connect } from '../support/socket-client';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({
    env: {
      CHAT_CHECKPOINT_SECONDS: '0.05',
      CHAT_TURN_LEASE_SECONDS: '1',
      CHAT_MAX_TURNS_AT_ONCE: '4',
    },
  });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

const pathOf = (id: string | number) => `/api/chat/messages/${id}`;
const edit = (id: string | number, body: object, { as = user, headers = {} } = {}) =>
  as.request('PATCH', pathOf(id), { body, headers });
const revise = (id: string | number, new_content: string, options = {}) =>
  edit(id, { new_content, regenerate: true }, options);

/** Asks these questions one after the other in one session. @returns the session and its questions. */
async function converse(...queries: string[]): Promise<{ sessionId: string; questions: Line[] }> {
  let sessionId: string | undefined;
  for (const query of queries) {
    const { body } = await user.ask({ character_id: characterId, query, session_id: sessionId });
    sessionId = body.data[0].session_id;
  }
  const lines = await linesOf(String(sessionId));
  return { sessionId: String(sessionId), questions: lines.filter(({ role }) => role === 'user') };
}

interface Line {
  readonly message_id: number;
  readonly public_id: string;
  readonly turn_id: string;
  readonly role: string;
  readonly content: string;
  readonly parent_message_id: string | null;
  readonly is_superseded: boolean;
}

/** Lists the lines of all branches. */
async function listOf(
  sessionId: string,
  query = '?superseded=true',
): Promise<{ items: Line[]; total: number }> {
  return (await user.get(`/api/chat/sessions/${sessionId}/messages${query}`)).body.data;
}
const linesOf = async (sessionId: string, query = '?superseded=true') =>
  (await listOf(sessionId, query)).items;
const shown = (lines: readonly Line[]) =>
  lines.filter(({ role }) => role === 'user').map(({ content, is_superseded }) => [content, is_superseded]);

function expectError({ status, body }: Reply, expected: number, code: string): void {
  expect([status, body.code, body.data, body.error.code]).toEqual([expected, expected, null, code]);
}

/** Scripts an answer with one word. @returns a function that lets the answer end. */
function holdAnswer() {
  const gate = createGate();
  app.dify.script(async (answer) => {
    await answer.say('one');
    await gate.opened;
    await answer.end();
  });
  return gate.open;
}

describe('a question that is edited with "regenerate": true', () => {
  it('is asked in its new words, and the old branch stays unchanged but superseded', async () => {
    const { sessionId, questions } = await converse('First?', 'Second?', 'Third?');
    const before = await linesOf(sessionId);
    const old = questions[1]!;
    const { status, body } = await revise(old.message_id, 'Second, in other words?');
    expect([status, body.code, body.message]).toEqual([200, 200, 'success']);
    expect(body.data).toMatchObject({
      role: 'user',
      content: 'Second, in other words?',
      session_id: sessionId,
      parent_message_id: old.public_id,
      is_superseded: false,
      reply: {
        role: 'assistant',
        outcome: 'completed',
        parent_message_id: body.data.public_id,
        turn_id: body.data.turn_id,
        is_superseded: false,
      },
    });
    const { reply, ...question } = body.data;
    const superseded = before.map((line, index) => ({ ...line, is_superseded: index >= 2 }));
    expect(await listOf(sessionId)).toMatchObject({ items: [...superseded, question, reply], total: 8 });
    expect((await user.get(`/api/chat/sessions/${sessionId}`)).body.data.message_count).toBe(8);
  });

  it('can be found from the new branch, by the parent_message_id of its first question', async () => {
    const { sessionId, questions } = await converse('Where from?', 'And then?');
    const { data } = (await revise(questions[0]!.public_id, 'Where to?')).body;
    const old = `/api/chat/sessions/${sessionId}/messages/${data.parent_message_id}`;
    expect((await user.get(old)).body.data).toMatchObject({ content: 'Where from?', is_superseded: true });
    const filter = `?filters[parent_message_id]=${questions[0]!.public_id}&filters[role]=user`;
    const [named] = (await user.myList(filter)).body.data;
    expect(named).toMatchObject({ query: 'Where to?', is_superseded: false });
  });

  it('can be edited again, also in its old version, and each edit supersedes all earlier lines', async () => {
    const { sessionId, questions } = await converse('One?');
    const second = (await revise(questions[0]!.message_id, 'Two?')).body.data;
    const third = (await revise(second.message_id, 'Three?')).body.data;
    expect(third.parent_message_id).toBe(second.public_id);
    await revise(questions[0]!.message_id, 'Four?');
    expect(shown(await linesOf(sessionId))).toEqual([
      ['One?', true],
      ['Two?', true],
      ['Three?', true],
      ['Four?', false],
    ]);
  });

  it('also supersedes stored messages, but no lines of other sessions', async () => {
    const other = await converse('Elsewhere?');
    const { sessionId, questions } = await converse('Here?');
    await user.post('/api/chat/message', { session_id: sessionId, content: 'A note', role: 'tool' });
    const later = await converse('Later?');
    await revise(questions[0]!.message_id, 'Here again?');
    expect((await linesOf(sessionId)).map(({ is_superseded }) => is_superseded)).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    for (const one of [other, later])
      expect((await listOf(one.sessionId, '?superseded=false')).total).toBe(2);
  });

  it('is answered as an event stream if the client asks for one', async () => {
    const { sessionId, questions } = await converse('Stream me?');
    const { status, headers, events } = await user.open('PATCH', pathOf(questions[0]!.message_id), {
      body: { new_content: 'Stream me, please?', regenerate: true },
    });
    const all = await readStream(events);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect([all[0]?.event, all.at(-1)?.event]).toEqual(['turn_started', 'message_end']);
    const [question, answer] = all.at(-1)?.data.data ?? [];
    expect(question).toMatchObject({
      query: 'Stream me, please?',
      parent_message_id: questions[0]!.public_id,
    });
    expect(textOf(all)).toBe(answer.answer);
    expect((await linesOf(sessionId)).at(-1)?.public_id).toBe(answer.message_id);
  });

  it('returns the outcome of an answer that broke off', async () => {
    const { sessionId, questions } = await converse('Will it hold?');
    app.dify.next('error-after-deltas');
    const { status, body } = await revise(questions[0]!.message_id, 'Will it break?');
    expect([status, body.data.reply.outcome]).toEqual([200, 'failed']);
    expect(shown(await linesOf(sessionId))).toEqual([
      ['Will it hold?', true],
      ['Will it break?', false],
    ]);
  });

  it('is asked once for each Idempotency-Key, and counts as a question per minute', async () => {
    const { sessionId, questions } = await converse('How often?');
    const headers = { 'Idempotency-Key': randomUUID() };
    const ask = () => revise(questions[0]!.message_id, 'Once only?', { headers });
    const first = await ask();
    const second = await ask();
    expect(second.body).toEqual(first.body);
    expect([first, second].map((reply) => reply.headers.get('Idempotent-Replayed'))).toEqual([null, 'true']);
    expect(first.headers.get('X-RateLimit-Remaining')).toMatch(/^\d+$/u);
    expect(askedOf(app, 'Once only?')).toHaveLength(1);
    expect((await listOf(sessionId)).total).toBe(4);
    expectError(
      await revise(questions[0]!.message_id, 'Something else?', { headers }),
      422,
      'idempotency-key-reused',
    );
    expectError(
      await revise(first.body.data.message_id, 'Once only?', { headers }),
      422,
      'idempotency-key-reused',
    );
    expect((await listOf(sessionId)).total).toBe(4);
  });

  it('sends connected devices message_superseded and the events of the turn', async () => {
    const { sessionId, questions } = await converse('Who listens?');
    const device = await connect(app.url, `/ws/${sessionId}`, { token: user.token });
    await device.until(({ event }) => event === 'connected');
    const old = questions[0]!;
    const { data } = (await revise(old.message_id, 'Who listens now?')).body;
    expect(await device.until(({ event }) => event === 'message_superseded')).toEqual({
      event: 'message_superseded',
      session_id: sessionId,
      id: old.message_id,
      message_id: old.public_id,
      message: { ...old, is_superseded: true },
      turn_id: data.turn_id,
    });
    await device.until(({ event, turn_id }) => event === 'message_end' && turn_id === data.turn_id);
    await edit(data.message_id, { new_content: 'In place' });
    expect((await device.until(({ event }) => event === 'message_edited'))['message']).toMatchObject({
      content: 'In place',
      is_superseded: false,
    });
    await device.leave();
  });

  it('is superseded and counted even if it is deleted and restored, before or after the edit', async () => {
    const { sessionId, questions } = await converse('Kept?', 'Deleted?');
    const count = async () => (await user.get(`/api/chat/sessions/${sessionId}`)).body.data.message_count;
    await user.request('DELETE', pathOf(questions[1]!.message_id));
    await revise(questions[0]!.message_id, 'Kept, in other words?');
    expect(await count()).toBe(5);
    await user.post(`${pathOf(questions[1]!.message_id)}/restore`, {});
    await user.request('DELETE', pathOf(questions[0]!.message_id));
    expect([await count(), (await listOf(sessionId)).total]).toEqual([5, 5]);
    expect((await listOf(sessionId, '?superseded=false')).total).toBe(2);
    await user.post(`${pathOf(questions[0]!.message_id)}/restore`, {});
    expect(shown(await linesOf(sessionId))).toEqual([
      ['Kept?', true],
      ['Deleted?', true],
      ['Kept, in other words?', false],
    ]);
    expect(await count()).toBe(6);
  });
});

describe('an edit with "regenerate": true', () => {
  /** Expects that a refused edit changes no line of the session and sends no request to Dify. */
  async function unchanged(sessionId: string, refuse: () => Promise<void>): Promise<void> {
    const state = async () =>
      (await linesOf(sessionId)).map(({ message_id, is_superseded }) => [message_id, is_superseded]);
    const [before, asked] = [await state(), app.dify.requests.length];
    await refuse();
    expect(await state()).toEqual(before);
    expect(app.dify.requests).toHaveLength(asked);
  }

  it('returns 400 for an answer and for an invalid request', async () => {
    const { sessionId, questions } = await converse('Mine?');
    const answer = (await linesOf(sessionId))[1]!;
    await unchanged(sessionId, async () => {
      expectError(await revise(answer.message_id, 'x'), 400, 'invalid-request');
      for (const body of [
        { new_content: ' ', regenerate: true },
        { regenerate: true },
        { new_content: 'x', regenerate: 'yes' },
        { new_content: 'x', regenerate: 1 },
      ]) {
        expectError(await edit(questions[0]!.message_id, body), 400, 'invalid-request');
      }
      const headers = { 'Idempotency-Key': 'two words' };
      expectError(await revise(questions[0]!.message_id, 'x', { headers }), 400, 'invalid-request');
    });
  });

  it('returns 400 in a session without a character', async () => {
    const { session_id } = (await user.post('/api/chat/session', {})).body.data;
    const { message_id } = (await user.post('/api/chat/message', { session_id, content: 'x' })).body.data;
    await unchanged(session_id, async () =>
      expectError(await revise(message_id, 'y'), 400, 'invalid-request'),
    );
  });

  it('returns 400 while the character is not published or has no prompt', async () => {
    const character = await app.admin.createCharacter();
    const { body } = await user.ask({ character_id: character.documentId, query: 'Still there?' });
    const { id, session_id } = body.data[0];
    await app.admin.action(character.documentId, 'unpublish');
    await unchanged(session_id, async () => expectError(await revise(id, 'y'), 400, 'character-not-found'));
    await app.admin.publish(character.documentId);
    await removePrompt(app, character.documentId);
    await unchanged(session_id, async () =>
      expectError(await revise(id, 'y'), 400, 'character-without-prompt'),
    );
  });

  it("returns the same 404 for another user's and an unknown message, and 404 for a deleted one", async () => {
    const { sessionId, questions } = await converse('Mine alone?');
    const other = await app.createUser();
    await unchanged(sessionId, async () => {
      const theirs = await revise(questions[0]!.message_id, 'x', { as: other });
      expectError(theirs, 404, 'message-not-found');
      expect((await revise(2_000_000_000, 'x', { as: other })).text).toBe(theirs.text);
      expect((await revise(questions[0]!.message_id, 'x', { as: app.anonymous })).status).toBe(401);
    });
    await user.request('DELETE', pathOf(questions[0]!.message_id));
    expectError(await revise(questions[0]!.message_id, 'x'), 404, 'message-not-found');
  });

  it('returns 409 while the session is answering, for a question of any turn', async () => {
    const { sessionId, questions } = await converse('Done?');
    const finish = holdAnswer();
    const running = await user.stream({ character_id: characterId, query: 'Busy?', session_id: sessionId });
    const { question_message_id } = (await running.events.next()).value?.data ?? {};
    await running.events.next();
    await unchanged(sessionId, async () => {
      for (const id of [questions[0]!.message_id, question_message_id]) {
        expectError(await revise(id, 'x'), 409, 'turn-in-progress');
      }
    });
    finish();
    await readStream(running.events);
  });

  it('succeeds for one of several parallel edits, whose turn is not superseded', async () => {
    const { sessionId, questions } = await converse('Who wins?');
    const replies = await Promise.all(
      [1, 2, 3, 4].map((number) => revise(questions[0]!.message_id, `Number ${number} does?`)),
    );
    const won = replies.filter(({ status }) => status === 200).length;
    expect(won).toBeGreaterThan(0);
    for (const reply of replies) if (reply.status !== 200) expectError(reply, 409, 'turn-in-progress');
    const { items, total } = await listOf(sessionId);
    expect(total).toBe(2 + 2 * won);
    expect(items.filter(({ is_superseded }) => !is_superseded)).toHaveLength(2);
    expect(items.at(-1)).toMatchObject({ is_superseded: false });
  });

  it('changes nothing if the database refuses the new turn after the superseded marks', async () => {
    const { sessionId, questions } = await converse('Saved?');
    const undo = await refuseQuestion('Not saved');
    await unchanged(sessionId, async () =>
      expect((await revise(questions[0]!.message_id, 'Not saved')).status).toBe(500),
    );
    await undo();
    expect((await user.get(`/api/chat/sessions/${sessionId}`)).body.data).toMatchObject({
      message_count: 2,
      live_turn_id: null,
    });
    expect((await revise(questions[0]!.message_id, 'Not saved')).status).toBe(200);
  });

  it('returns 429 above the limits of the user', async () => {
    const { sessionId, questions } = await converse('How many?', 'More?');
    const elsewhere = await Promise.all(
      [1, 2, 3, 4].map(async () => {
        const finish = holdAnswer();
        const { events } = await user.stream({ character_id: characterId, query: 'Meanwhile?' });
        await events.next();
        await events.next();
        return { finish, events };
      }),
    );
    await unchanged(sessionId, async () =>
      expectError(await revise(questions[0]!.message_id, 'x'), 429, 'too-many-turns'),
    );
    for (const { finish } of elsewhere) finish();
    for (const { events } of elsewhere) await readStream(events);
  });
});

/** Makes the database refuse every row with this question. @returns a function that undoes it. */
async function refuseQuestion(query: string): Promise<() => Promise<void>> {
  const isSqlite = app.db.client.config.client === 'better-sqlite3';
  if (isSqlite) {
    await app.db.raw(`create trigger refuse before insert on chat_conversations when new.query = '${query}'
                      begin select raise(abort, 'refused'); end`);
  } else {
    await app.db.raw(`create function refuse() returns trigger language plpgsql as
                      $$ begin raise exception 'refused'; end $$`);
    await app.db.raw(`create trigger refuse before insert on chat_conversations for each row
                      when (new.query = '${query}') execute function refuse()`);
  }
  return async () => {
    await app.db.raw(`drop trigger refuse${isSqlite ? '' : ' on chat_conversations'}`);
  };
}

describe('superseded lines', () => {
  it('are left out unless superseded=true, in every list of the session API', async () => {
    const { sessionId, questions } = await converse('Old?', 'Older?');
    await revise(questions[0]!.message_id, 'New?');
    const api = `/api/chat/sessions/${sessionId}/messages`;
    for (const path of [api, `/aichat/sessions/${sessionId}/messages`]) {
      expect((await user.get(path)).body.data.total).toBe(2);
      expect((await user.get(`${path}?superseded=true`)).body.data.total).toBe(6);
      const { items, total } = (await user.get(`${path}?superseded=false`)).body.data;
      expect([items.length, total]).toEqual([2, 2]);
      expect(items[0]).toMatchObject({ content: 'New?', is_superseded: false });
    }
    const page = (await user.get(`${api}?superseded=false&page=2&page_size=1`)).body.data;
    expect(page).toMatchObject({ items: [{ role: 'assistant' }], total: 2, page: 2, page_size: 1 });
    expect((await user.get(`${api}?superseded=false&order=desc&page_size=1`)).body.data.items).toEqual(
      page.items,
    );
    for (const path of [`/aichat/sessions/${sessionId}`, `/aichat/getsessionlistshow/${user.user.id}`]) {
      const messagesOf = async (query: string) => {
        const { data } = (await user.get(`${path}${query}`)).body;
        return (data.items?.[0] ?? data).messages.length;
      };
      expect([await messagesOf(''), await messagesOf('?superseded=true')]).toEqual([2, 6]);
    }
  });

  it.each([
    'superseded=',
    'superseded=no',
    'superseded=0',
    'superseded[]=false',
    'superseded=false&superseded=false',
  ])('return 400 for ?%s', async (query) => {
    const { sessionId } = await converse('Which?');
    const id = user.user.id;
    for (const path of [
      `/api/chat/sessions/${sessionId}/messages`,
      `/aichat/sessions/${sessionId}`,
      `/aichat/getsessionlistshow/${id}`,
    ]) {
      expectError(await user.get(`${path}?${query}`), 400, 'invalid-request');
    }
  });

  it('include the answers after a question that was edited in place', async () => {
    const { sessionId, questions } = await converse('In place?', 'Next?');
    expect(
      (await edit(questions[0]!.message_id, { new_content: 'Changed', regenerate: false })).body.data,
    ).toBe('消息编辑成功');
    const lines = await linesOf(sessionId);
    expect(lines.map(({ is_superseded }) => is_superseded)).toEqual([false, true, false, true]);
    expect(shown(lines)[0]).toEqual(['Changed', false]);
  });

  it('are marked in my-list, in turns and in an export', async () => {
    const { sessionId, questions } = await converse('Listed?');
    await revise(questions[0]!.message_id, 'Listed again?');
    const queries = async (filter: string) =>
      (await user.myList(`?filters[session_id]=${sessionId}&filters[role]=user&${filter}`)).body.data.map(
        ({ query }: { query: string }) => query,
      );
    expect(await queries('filters[is_superseded]=true')).toEqual(['Listed?']);
    expect(await queries('filters[is_superseded][$ne]=true')).toEqual(['Listed again?']);
    expect(await queries('filters[is_superseded][$in][0]=0&filters[is_superseded][$in][1]=1')).toHaveLength(
      2,
    );
    expect((await user.myList('?filters[is_superseded]=perhaps')).status).toBe(400);
    const turn = await user.get(`/api/chat-conversations/turns/${questions[0]!.turn_id}`);
    expect(turn.body.data.messages).toMatchObject([{ is_superseded: true }, { is_superseded: true }]);
    const exported = (await user.get('/api/chat/export')).text
      .split('\n')
      .filter((line) => line.includes(sessionId));
    const marks = exported
      .map((line) => JSON.parse(line))
      .filter(({ type }) => type === 'message')
      .map(({ is_superseded }) => is_superseded);
    expect(marks).toEqual([true, true, false, false]);
  });

  it('do not include rows from before the mark existed', async () => {
    const { sessionId } = await converse('From before?');
    await app.db('chat_conversations').where({ query: 'From before?' }).update({ is_superseded: null });
    expect((await listOf(sessionId, '?superseded=false')).total).toBe(2);
    const filter = `?filters[session_id]=${sessionId}&filters[is_superseded]=false`;
    expect((await user.myList(filter)).body.data).toMatchObject([
      { is_superseded: false },
      { is_superseded: false },
    ]);
  });
});

it('after a kill during an edit, the old branch is superseded, and the new turn ends', async () => {
  const { sessionId, questions } = await converse('Before the kill?');
  app.dify.script(async (answer) => {
    await answer.say('one');
    await answer.closed;
  });
  const { events } = await user.open('PATCH', pathOf(questions[0]!.message_id), {
    body: { new_content: 'During the kill?', regenerate: true },
  });
  const { turn_id } = (await events.next()).value?.data ?? {};
  // The first word shows that Dify has the question.
  await events.next();
  const rest = readStream(events).catch(() => undefined);
  await app.killAndRestart();
  await rest;
  expect(shown(await linesOf(sessionId))).toEqual([
    ['Before the kill?', true],
    ['During the kill?', false],
  ]);
  const { events: followed } = await user.open('GET', `/api/chat-conversations/turns/${turn_id}/stream`);
  expect((await readStream(followed)).at(-1)?.data).toMatchObject({ outcome: 'interrupted' });
  const { status, body } = await revise(questions[0]!.message_id, 'After the kill?');
  expect([status, body.data.reply.outcome]).toEqual([200, 'completed']);
  expect((await listOf(sessionId, '?superseded=false')).total).toBe(2);
  expect((await listOf(sessionId)).total).toBe(6);
});
