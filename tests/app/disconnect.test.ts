import http from 'node:http';

import { startApp, type App } from '../support/app';
import { textOf, type Client, type StreamEvent } from '../support/client';
import { createGate } from '../support/gate';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({ env: { CHAT_CHECKPOINT_SECONDS: '0.05', CHAT_TURN_LEASE_SECONDS: '1' } });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());
afterEach(() => app.dify.reset());

/** Polls the answer row of a question until it is ready. Another process changes the row. */
async function rowOf(query: string, isReady: (row: { outcome: string; answer: string }) => boolean) {
  for (;;) {
    const row = await app
      .db('chat_conversations')
      .where({ query, role: 'assistant' })
      .orderBy('id', 'desc')
      .first();
    if (row !== undefined && isReady(row)) return row;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Waits until a session has this conversation. Without one, waits until the session has no live turn. */
async function sessionOf(conversationId: string | undefined, sessionId?: string): Promise<void> {
  for (;;) {
    const where =
      conversationId === undefined
        ? { session_id: sessionId, live_turn_id: null }
        : { conversation_id: conversationId };
    if ((await app.db('chat_sessions').where(where).first()) !== undefined) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const isOver = ({ outcome }: { outcome: string }) => outcome !== 'pending';

describe('a client that disconnects', () => {
  it.each([1, 2, 3, 5, 8])('after %i events still gets its whole answer saved', async (count) => {
    app.dify.always({ name: 'slow-deltas', ms: 10 });
    const query = `Left after ${count}`;
    const { events, leave } = await user.stream({ character_id: characterId, query });
    for (let seen = 0; seen < count; seen += 1) await events.next();
    leave();

    const row = await rowOf(query, isOver);
    const [message] = app.dify.messages(row.conversation_id);
    expect(row).toMatchObject({ outcome: 'completed', answer: message?.answer });
    expect(row.answer.length).toBeGreaterThan(20);
  });

  it('before the first byte of a JSON reply still gets its whole answer saved', async () => {
    app.dify.always({ name: 'slow-deltas', ms: 10 });
    const query = 'Left while waiting for JSON';
    const asked = app.dify.nextRequest();
    const request = http.request(`${app.url}/api/chat-conversations/create-message`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${user.token}`, 'Content-Type': 'application/json' },
    });
    request.on('error', () => undefined);
    request.end(JSON.stringify({ data: { character_id: characterId, query } }));
    await asked;
    request.destroy();

    expect(await rowOf(query, isOver)).toMatchObject({ outcome: 'completed' });
  });

  it('does not delay another client, which reads its whole answer', async () => {
    app.dify.always({ name: 'slow-deltas', ms: 5 });
    const leaver = await user.stream({ character_id: characterId, query: 'I leave' });
    const reader = user.streamAll({ character_id: characterId, query: 'I stay' });
    await leaver.events.next();
    leaver.leave();
    expect(textOf(await reader)).toContain('I stay');
  });

  it('or keeps its socket open without reading still gets its whole answer saved', async () => {
    app.dify.next({ name: 'huge-answer', chars: 300_000 });
    const query = 'Never read';
    const request = http.request(`${app.url}/api/chat-conversations/create-message`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${user.token}`,
        'Content-Type': 'application/json',
        Accept: 'text/event-stream',
      },
    });
    request.on('error', () => undefined);
    request.on('response', (response) => response.pause());
    request.end(JSON.stringify({ data: { character_id: characterId, query } }));

    const row = await rowOf(query, isOver);
    expect(row).toMatchObject({ outcome: 'completed' });
    expect(row.answer.length).toBeGreaterThanOrEqual(300_000);
    request.destroy();
  });
});

describe('a first turn that is still running', () => {
  it("can be found by Dify's conversation_id as soon as clients know it", async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.end();
    });
    const query = 'What is your conversation?';
    const { events } = await user.stream({ character_id: characterId, query });
    await events.next();
    const conversationId = (await events.next()).value?.data.conversation_id;
    await rowOf(query, ({ answer }) => answer === 'one');
    await sessionOf(conversationId);

    const followUp = await user.ask({
      character_id: characterId,
      query: 'And?',
      conversation_id: conversationId,
    });
    expect(followUp.status).toBe(409);
    const listed = await user.myList(`?filters[conversation_id]=${conversationId}`);
    expect(listed.body.data.map(({ role }: { role: string }) => role)).toEqual(['assistant', 'user']);
    finish();
    for await (const event of events) void event;
  });

  it('frees its session even if an admin deletes its answer meanwhile', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.end();
    });
    const query = 'Delete me';
    const { events } = await user.stream({ character_id: characterId, query });
    const started = (await events.next()).value?.data;
    const row = await rowOf(query, ({ answer }) => answer === 'one');
    const uid = 'api::chat-conversation.chat-conversation';
    await app.admin.client.request('DELETE', `/content-manager/collection-types/${uid}/${row.document_id}`);
    finish();
    let last: StreamEvent | undefined;
    for await (const event of events) last = event;
    await sessionOf(undefined, started.session_id);
    // The stream says the same as the turn.
    expect(last?.data).toMatchObject({ event: 'error', code: 'turn-not-found', status: 404 });
    const turn = await user.get(`/api/chat-conversations/turns/${started.turn_id}`);
    expect([turn.status, turn.body.error.details.code]).toEqual([404, 'turn-not-found']);
    const next = await user.ask({ character_id: characterId, query: 'Next', session_id: started.session_id });
    expect(next.status).toBe(200);
  });

  it('ends its stream as not found if an admin deletes its question meanwhile, and keeps the answer', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('one');
      await finished;
      await reply.end();
    });
    const query = 'Delete my words';
    const { events } = await user.stream({ character_id: characterId, query });
    const { turn_id, session_id } = (await events.next()).value?.data ?? {};
    await rowOf(query, ({ answer }) => answer === 'one');
    const { document_id } = await app.db('chat_conversations').where({ turn_id, role: 'user' }).first();
    const uid = 'api::chat-conversation.chat-conversation';
    await app.admin.client.request('DELETE', `/content-manager/collection-types/${uid}/${document_id}`);
    finish();
    let last: StreamEvent | undefined;
    for await (const event of events) last = event;

    expect(last?.data).toMatchObject({ event: 'error', code: 'turn-not-found' });
    expect((await user.get(`/api/chat-conversations/turns/${turn_id}`)).status).toBe(404);
    const { data } = (await user.myList(`?filters[turn_id][$eq]=${turn_id}`)).body;
    expect(data).toMatchObject([{ role: 'assistant', query: '', answer: 'one', outcome: 'completed' }]);
    expect((await user.get(`/aichat/sessions/${session_id}`)).body.data.message_count).toBe(1);
  });
});

describe('a process that dies', () => {
  it.each([
    ['after the first words of an answer', 'Were you heard?', true],
    ['before the first event of an answer', 'Were you heard at all?', false],
  ])('%s gets the whole answer from Dify after its restart', async (_when, query, hasBegun) => {
    const { opened: died, open: die } = createGate();
    app.dify.script(async (reply) => {
      reply.outlive();
      if (hasBegun) await reply.say('Dify goes on');
      await died;
      await reply.say(hasBegun ? ' without us.' : 'Dify goes on without us.');
      await reply.end();
    });
    const asked = app.dify.nextRequest();
    const { events } = await user.stream({ character_id: characterId, query });
    const started = (await events.next()).value?.data;
    await asked;
    if (hasBegun) await rowOf(query, ({ answer }) => answer === 'Dify goes on');
    const ended = events.next().catch(() => undefined);
    const restarted = app.killAndRestart();
    await ended;
    die();
    await restarted;

    const row = await rowOf(query, isOver);
    expect(row).toMatchObject({ outcome: 'completed', error_code: null, answer: 'Dify goes on without us.' });
    expect(app.dify.messages(row.conversation_id).map(({ id }) => id)).toEqual([row.message_id]);
    const state = await user.get(`/api/chat-conversations/turns/${started.turn_id}`);
    expect(state.body.data).toMatchObject({ outcome: 'completed', conversation_id: row.conversation_id });
    const { conversation_id, session_id } = state.body.data;
    const next = await user.ask({ character_id: characterId, query: 'Go on', conversation_id });
    expect(next.body.data[0]).toMatchObject({ conversation_id, session_id });
  });
});

describe('an idle connection', () => {
  it('stays open for more than a minute, so that a proxy is the first to close it', async () => {
    const { headers } = await app.anonymous.get('/api/chat/ready');
    expect(headers.get('keep-alive')).toBe('timeout=65');
  });
});
