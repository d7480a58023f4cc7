import { createDifyEmulator, type DifyEmulator, type DifyEmulatorOptions } from './index';
import { answerOf, ask, readEvents, readJson, type JsonAnswer, type WireEvent } from './test-client';

const unknownId = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';

let dify: DifyEmulator;

async function start(options: DifyEmulatorOptions = {}): Promise<void> {
  dify = await createDifyEmulator({ titleDelayMs: 0, ...options }).listen();
}

afterEach(() => dify.close());

const list = (query: string): Promise<JsonAnswer> => readJson(dify, `/v1/messages?user=ann&${query}`);
const rows = ({ json }: JsonAnswer): Record<string, unknown>[] =>
  (json as { data: Record<string, unknown>[] }).data;

async function converse(queries: readonly string[]): Promise<string> {
  let conversation_id = '';
  for (const query of queries) {
    const [first] = await readEvents(await ask(dify, { query, conversation_id }));
    conversation_id = String(first?.['conversation_id']);
  }
  return conversation_id;
}

describe('GET /messages', () => {
  it('returns pages back in time, and the oldest message first within a page', async () => {
    await start();
    const id = await converse(['1', '2', '3', '4', '5']);
    const newest = await list(`conversation_id=${id}&limit=2`);
    expect(newest.json).toMatchObject({ limit: 2, has_more: true });
    expect(rows(newest).map(({ query }) => query)).toEqual(['4', '5']);
    const before = await list(`conversation_id=${id}&limit=3&first_id=${String(rows(newest)[0]?.['id'])}`);
    expect(before.json).toMatchObject({ limit: 3, has_more: false });
    expect(rows(before).map(({ query }) => query)).toEqual(['1', '2', '3']);
  });

  it('returns every field of a message', async () => {
    await start();
    const events = await readEvents(await ask(dify, { inputs: { prompt: 'You are Ada.' } }));
    const { conversation_id, message_id, created_at } = events[0] as WireEvent;
    expect(rows(await list(`conversation_id=${String(conversation_id)}`))).toEqual([
      {
        id: message_id,
        conversation_id,
        parent_message_id: '00000000-0000-0000-0000-000000000000',
        inputs: { prompt: 'You are Ada.' },
        query: 'How is the sea?',
        answer: answerOf(events),
        message_files: [],
        feedback: null,
        retriever_resources: [],
        agent_thoughts: [],
        created_at,
        status: 'normal',
        error: null,
      },
    ]);
  });

  it.each([
    ['0.15', { message_files: [{ id: null }] }],
    ['1.x', { files: [] }],
  ] as const)('returns the thoughts of an agent of %s', async (profile, files) => {
    await start({ profile });
    const key = 'app-emulated-agent-chat';
    const [first] = await readEvents(await ask(dify, {}, key));
    const path = `/v1/messages?user=ann&conversation_id=${String(first?.['conversation_id'])}`;
    const [row] = rows(await readJson(dify, path, { key }));
    expect(row?.['agent_thoughts']).toMatchObject([
      { position: 1, tool: 'current_time', message_id: first?.['message_id'], ...files },
      { position: 2, thought: row?.['answer'] },
    ]);
  });

  it('returns an empty answer for a reply in progress', async () => {
    await start();
    dify.next('stall');
    const stream = await ask(dify);
    await stream.until('answer');
    const id = dify.conversations()[0]?.id ?? '';
    expect(rows(await list(`conversation_id=${id}`))).toMatchObject([
      { answer: '', status: 'normal', error: null },
    ]);
    stream.leave();
    await dify.idle();
  });

  it.each([
    [`conversation_id=${unknownId}`, 404, 'not_found', /^Conversation Not Exists\./u],
    ['', 400, 'invalid_param', /conversation_id\n {2}Field required/u],
    ['conversation_id=x', 400, 'invalid_param', /must be a valid UUID/u],
    [`conversation_id=${unknownId}&limit=0`, 400, 'invalid_param', /greater than or equal to 1/u],
    [`conversation_id=${unknownId}&limit=101`, 400, 'invalid_param', /less than or equal to 100/u],
    [`conversation_id=${unknownId}&limit=x`, 400, 'invalid_param', /valid integer/u],
  ])('refuses %s', async (query, status, code, message) => {
    await start();
    expect(await list(query)).toMatchObject({
      status,
      json: { code, message: expect.stringMatching(message), status },
    });
  });

  it('returns the name of the wrong field in 0.15', async () => {
    await start({ profile: '0.15' });
    const message = 'Missing required parameter in the query string';
    expect((await list('')).json).toEqual({ code: 'invalid_param', message, params: 'conversation_id' });
  });

  it('returns 404 for an unknown first_id', async () => {
    await start();
    const id = await converse(['1']);
    const message = expect.stringMatching(/^First Message Not Exists\./u) as unknown;
    expect(await list(`conversation_id=${id}&first_id=${unknownId}`)).toMatchObject({
      status: 404,
      json: { message },
    });
  });
});

describe('POST /messages/:id/feedbacks', () => {
  it('saves, returns and removes a rating', async () => {
    await start();
    const id = await converse(['1']);
    const messageId = dify.messages(id)[0]?.id ?? '';
    const rate = (body: object): Promise<JsonAnswer> =>
      readJson(dify, `/v1/messages/${messageId}/feedbacks`, { body: { user: 'ann', ...body } });
    expect(await rate({ rating: null })).toMatchObject({
      status: 400,
      json: { code: 'invalid_param', message: 'rating cannot be None when feedback not exists' },
    });
    expect(await rate({ rating: 'like' })).toMatchObject({ status: 200, json: { result: 'success' } });
    expect(rows(await list(`conversation_id=${id}`))).toMatchObject([{ feedback: { rating: 'like' } }]);
    expect(await rate({ rating: null })).toMatchObject({ status: 200 });
    expect(rows(await list(`conversation_id=${id}`))).toMatchObject([{ feedback: null }]);
    expect(await rate({ rating: 'like', user: 'bob' })).toMatchObject({
      status: 404,
      json: { message: 'Message Not Exists.' },
    });
  });
});

describe('GET /messages/:id/suggested', () => {
  it('returns three questions when the app suggests questions', async () => {
    await start({ apps: [{ key: 'app-kind', mode: 'chat', suggestsQuestions: true }] });
    const messageId = dify.messages(await converse(['1']))[0]?.id ?? '';
    const { status, json } = await readJson(dify, `/v1/messages/${messageId}/suggested?user=ann`);
    expect(status).toBe(200);
    expect(json).toEqual({
      result: 'success',
      data: [expect.any(String), expect.any(String), expect.any(String)],
    });
  });

  it('is refused when the app suggests no questions, without a user, and for an unknown message', async () => {
    await start();
    const messageId = dify.messages(await converse(['1']))[0]?.id ?? '';
    expect(await readJson(dify, `/v1/messages/${messageId}/suggested?user=ann`)).toMatchObject({
      status: 400,
      json: { code: 'bad_request', message: 'Suggested Questions Is Disabled.' },
    });
    expect((await readJson(dify, `/v1/messages/${messageId}/suggested`)).status).toBe(400);
    expect((await readJson(dify, `/v1/messages/${unknownId}/suggested?user=ann`)).status).toBe(404);
  });
});
