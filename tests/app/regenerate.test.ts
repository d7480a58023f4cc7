import { randomUUID } from 'node:crypto';

import { startApp, type App } from '../support/app';
import { askedOf } from '../support/asked';
import { readStream, textOf, type Client } from '../support/client';
import { createGate } from '../support/gate';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

const pathOf = (turnId: string) => `/api/chat-conversations/turns/${turnId}/regenerate`;
const regenerate = (turnId: string, body?: unknown, headers: Record<string, string> = {}) =>
  user.request('POST', pathOf(turnId), { body, headers });

async function ask(query: string) {
  const { body } = await user.ask({ character_id: characterId, query });
  return body.data[1];
}

const requestsFor = (query: string) => askedOf(app, query);

describe('POST /api/chat-conversations/turns/:turn_id/regenerate', () => {
  it('asks the same question again in the same session, and keeps the first answer', async () => {
    const first = await ask('Describe the sea');
    const { status, body } = await regenerate(first.turn_id);
    expect(status).toBe(200);
    const [question, answer] = body.data;
    expect(question).toMatchObject({
      role: 'user',
      query: 'Describe the sea',
      session_id: first.session_id,
    });
    expect(question.parent_message_id).toBe(first.parent_message_id);
    expect(answer).toMatchObject({ outcome: 'completed', parent_message_id: question.message_id });
    expect(answer.turn_id).not.toBe(first.turn_id);
    expect(requestsFor('Describe the sea').map((body) => body['conversation_id'])).toEqual([
      '',
      first.conversation_id,
    ]);
    const before = await user.get(`/api/chat-conversations/turns/${first.turn_id}`);
    expect(before.body.data).toMatchObject({ outcome: 'completed', message_id: first.message_id });
  });

  it('links all versions of a question to the first one', async () => {
    const first = await ask('Again and again');
    const second = (await regenerate(first.turn_id)).body.data;
    const third = (await regenerate(second[0].turn_id)).body.data;
    expect([second[0].parent_message_id, third[0].parent_message_id]).toEqual([
      first.parent_message_id,
      first.parent_message_id,
    ]);
  });

  it('asks a failed question again', async () => {
    app.dify.next('error-after-deltas');
    const failed = await user.ask({ character_id: characterId, query: 'Fails first' });
    expect(failed.status).toBe(502);
    const { status, body } = await regenerate(failed.body.error.details.turn_id);
    expect([status, body.data[1].outcome]).toEqual([200, 'completed']);
    expect(body.data[1].session_id).toBe(failed.body.error.details.session_id);
  });

  it('returns an event stream if the client asks for one', async () => {
    const first = await ask('As a stream');
    const { status, events } = await user.open('POST', pathOf(first.turn_id));
    const all = await readStream(events);
    expect([status, all[0]?.event, all.at(-1)?.event]).toEqual([200, 'turn_started', 'message_end']);
    expect(textOf(all)).toBe(all.at(-1)?.data.data[1].answer);
  });

  it('checks inputs and passes them on to Dify', async () => {
    const first = await ask('With inputs');
    expect((await regenerate(first.turn_id, { data: { inputs: { mood: 'calm' } } })).status).toBe(200);
    expect(requestsFor('With inputs').at(-1)?.['inputs']).toMatchObject({ mood: 'calm' });
    for (const body of [{ data: { inputs: 'calm' } }, { data: [] }, []]) {
      const { status, body: reply } = await regenerate(first.turn_id, body);
      expect([status, reply.error.details.code]).toEqual([400, 'invalid-request']);
    }
    expect(requestsFor('With inputs')).toHaveLength(2);
  });

  it('asks once for each Idempotency-Key', async () => {
    const first = await ask('Once more, once');
    const headers = { 'Idempotency-Key': randomUUID() };
    const replies = await Promise.all([1, 2, 3].map(() => regenerate(first.turn_id, undefined, headers)));
    expect(new Set(replies.map(({ body }) => body.data[0].turn_id)).size).toBe(1);
    expect(requestsFor('Once more, once')).toHaveLength(2);
    const other = await ask('Another question');
    expect((await regenerate(other.turn_id, undefined, headers)).status).toBe(422);
  });

  it('returns 409 while the session is answering, also for the running turn', async () => {
    const first = await ask('Busy');
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await finished;
      await reply.end();
    });
    const { events } = await user.open('POST', pathOf(first.turn_id));
    const started = (await events.next()).value;
    for (const turnId of [first.turn_id, started?.data.turn_id]) {
      const { status, body } = await regenerate(turnId);
      expect([status, body.error.details]).toMatchObject([
        409,
        { code: 'turn-in-progress', turn_id: started?.data.turn_id },
      ]);
    }
    finish();
    await readStream(events);
  });

  it("returns the same 404 for an unknown and for another user's turn", async () => {
    const first = await ask('Mine alone');
    const other = await app.createUser();
    const [theirs, nobodys] = [
      await other.request('POST', pathOf(first.turn_id)),
      await other.request('POST', pathOf(randomUUID())),
    ];
    expect([theirs.status, theirs.text]).toEqual([404, nobodys.text]);
    expect((await app.anonymous.request('POST', pathOf(first.turn_id))).status).toBe(401);
    expect(requestsFor('Mine alone')).toHaveLength(1);
  });
});
