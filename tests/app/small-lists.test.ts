import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';

let app: App;
let user: Client;
let sessionId: string;

/** One sentence of a chat: 88 bytes. */
const sentence = 'The lamp is lit, the sea is calm, and the supply boat will come on the first of the week';

beforeAll(async () => {
  app = await startApp();
  user = await app.createUser();
  const { documentId } = await app.admin.createCharacter();
  const { body } = await user.post('/api/chat/session', { character_id: documentId });
  sessionId = body.data.session_id;
  for (let index = 0; index < 10; index += 1) {
    app.dify.script(async (reply) => {
      await reply.say(sentence);
      await reply.end();
    });
    await user.ask({ character_id: documentId, session_id: sessionId, query: sentence });
  }
});
afterAll(() => app.stop());

describe('a page of 20 messages with `fields`', () => {
  it.each([
    ['my-list with both texts', () => '/api/chat-conversations/my-list?fields=query,answer'],
    [
      'my-list with the answers',
      () => '/api/chat-conversations/my-list?fields=answer&filters[role]=assistant',
    ],
    ['the session API', () => `/api/chat/sessions/${sessionId}/messages?page_size=20&fields=content`],
    [
      'the session API with roles',
      () => `/aichat/sessions/${sessionId}/messages?page_size=20&fields=role,content`,
    ],
  ])('is at most 1.5 times as long as its texts: %s', async (_name, toPath) => {
    const { status, body, text } = await user.get(toPath());
    const items: readonly Readonly<Record<string, unknown>>[] = body.data.items ?? body.data;
    const texts = items.flatMap(({ query, answer, content }) => [query, answer, content]);
    const said = texts.filter((one) => typeof one === 'string').join('');

    expect(status).toBe(200);
    expect(items.length).toBeGreaterThanOrEqual(10);
    expect(said.length).toBeGreaterThanOrEqual(items.length * sentence.length);
    expect(Buffer.byteLength(text) / Buffer.byteLength(said)).toBeLessThanOrEqual(1.5);
  });
});

describe('`fields` of the session API', () => {
  it('selects fields of sessions, in lists and alone', async () => {
    const one = { session_id: sessionId, message_count: 20 };
    const fields = 'fields=session_id,message_count';
    const view = await user.get(`/aichat/getsessionlist/${user.user.id}?${fields}`);
    const list = await user.request('POST', `/api/chat/sessions?${fields}`, { body: {} });
    const alone = await user.get(`/api/chat/sessions/${sessionId}?${fields}`);

    expect([view.body.data.items, list.body.data, alone.body.data]).toEqual([[one], [one], one]);
  });

  it('selects fields of one message', async () => {
    const path = `/api/chat/sessions/${sessionId}/messages`;
    const { body } = await user.get(`${path}?fields=message_id`);
    const [{ message_id }] = body.data.items;

    expect((await user.get(`${path}/${message_id}?fields=role,content`)).body.data).toEqual({
      role: 'user',
      content: sentence,
    });
  });

  it('refuses a field that does not exist', async () => {
    for (const path of [
      `/api/chat/sessions/${sessionId}?fields=password`,
      `/api/chat/sessions/${sessionId}/messages?fields=title`,
      `/aichat/getsessionlist/${user.user.id}?fields=content`,
    ]) {
      const { status, body } = await user.get(path);
      expect([path, status, body.error.code]).toEqual([path, 400, 'invalid-request']);
    }
  });
});
