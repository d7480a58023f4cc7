import messageSchema from '../../src/api/chat-conversation/content-types/chat-conversation/schema.json';
import sessionSchema from '../../src/api/chat-session/content-types/chat-session/schema.json';
import characterSchema from '../../src/api/ai-character/content-types/ai-character/schema.json';
import { startApp, type App } from '../support/app';
import { assertCleanReply, canaries } from '../support/canaries';
import { createClient, type Client } from '../support/client';
import { startEventReceiver, type EventReceiver, type ReceivedEvent } from '../support/event-receiver';
import { until } from '../support/until';

let receiver: EventReceiver;
let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  receiver = await startEventReceiver();
  app = await startApp({ env: receiver.env });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter({ prompt: `You are Ada. ${canaries.prompt}` })).documentId;
});
afterAll(async () => {
  await app.stop();
  await receiver.close();
});

const uid = 'api::chat-conversation.chat-conversation';
const ask = async (query: string, client = user) => {
  const { status, body } = await client.ask({ character_id: characterId, query });
  expect(status).toBe(200);
  return body.data;
};
const webhooks = (events: readonly ReceivedEvent[]) => events.filter(({ path }) => path === '/webhook');
const linesOf = (events: readonly ReceivedEvent[]) =>
  webhooks(events).map(({ body: { entry } }) => `${entry.role}: ${entry.query}`);

/** Creates a message as other code of a Strapi does, with an API token. */
async function createByToken(data: object): Promise<void> {
  const token = { name: 'of events', description: '', type: 'full-access', lifespan: null };
  const { body } = await app.admin.client.post('/admin/api-tokens', token);
  const headers = { Authorization: `Bearer ${body.data.accessKey}` };
  const reply = await app.anonymous.request('POST', '/api/chat-conversations', { headers, body: { data } });
  expect(reply.status).toBe(201);
}

describe("Strapi's events of messages", () => {
  it('are one of afterCreate and entry.create for the question, and then for the answer', async () => {
    const [asked, answered] = await ask('How is the sea?');
    const events = await receiver.take(4);
    expect(events.map(({ path, body }) => [path, body.event ?? body.action, body.uid])).toEqual([
      ['/lifecycle', 'afterCreate', uid],
      ['/webhook', 'entry.create', uid],
      ['/lifecycle', 'afterCreate', uid],
      ['/webhook', 'entry.create', uid],
    ]);
    const [question, answer] = webhooks(events);
    expect(question?.headers['x-strapi-event']).toBe('entry.create');
    expect(question?.body).toMatchObject({
      model: 'chat-conversation',
      entry: {
        id: asked.id,
        message_id: asked.message_id,
        role: 'user',
        query: 'How is the sea?',
        session: { session_id: asked.session_id },
        user: { username: user.user.username, email: user.user.email },
      },
    });
    expect(answer?.body.entry).toMatchObject({
      message_id: answered.message_id,
      role: 'assistant',
      query: 'How is the sea?',
      answer: answered.answer,
      outcome: 'completed',
      ai_character: { id: answered.ai_character.id, documentId: characterId, name: 'Ada' },
    });
  });

  it('show a lifecycle subscriber the same entry, outside of the request', async () => {
    await ask('Is it deep?');
    const [hook, webhook] = await receiver.take(4);
    const { result, data, hasRequest } = hook?.body ?? {};
    expect([result, data, hasRequest]).toEqual([webhook?.body.entry, webhook?.body.entry, false]);
  });

  it('have the fields of the event that Strapi sends for an entry of its own', async () => {
    await createByToken({ message_id: 'by-token', query: 'By a token', role: 'user' });
    const [, byStrapi] = await receiver.take(2);
    await ask('By a user');
    const [, byChat] = await receiver.take(4);
    expect(linesOf([byStrapi as ReceivedEvent])).toEqual(['user: By a token']);
    expect(Object.keys(byChat?.body).sort()).toEqual(Object.keys(byStrapi?.body).sort());
    expect(Object.keys(byChat?.body.entry).sort()).toEqual(Object.keys(byStrapi?.body.entry).sort());
  });

  it('contain no prompt, no draft, no key and no private field', async () => {
    await ask('What is private?');
    const schemas = [messageSchema, sessionSchema, characterSchema];
    const secret = schemas.flatMap(({ attributes }) =>
      Object.entries(attributes)
        .filter(([, attribute]) => 'private' in attribute)
        .map(([name]) => `"${name}":`),
    );
    for (const { text, body } of await receiver.take(4)) {
      assertCleanReply(text, 'an event');
      expect(text).not.toContain(canaries.prompt);
      const entry = JSON.stringify(body.entry ?? body.result);
      const forbidden = [...secret, '"prompt":', '"password":', '"usernameKey":'];
      expect(forbidden.filter((key) => entry.includes(key))).toEqual([]);
    }
  });

  it('show the published version of the character, not its draft', async () => {
    // The client refuses replies with a draft, so this uses fetch.
    const path = `/content-manager/collection-types/api::ai-character.ai-character/${characterId}`;
    const { status } = await fetch(`${app.url}${path}`, {
      method: 'PUT',
      headers: { Authorization: `Bearer ${app.admin.client.token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: `Draft ${canaries.draft}` }),
    });
    expect(status).toBe(200);
    await ask('Who are you?');
    for (const { text, body } of webhooks(await receiver.take(4))) {
      assertCleanReply(text, 'an event');
      expect(body.entry.ai_character.name).toBe('Ada');
    }
  });

  it('are in order, and do not slow a turn, if the receiver does not reply', async () => {
    const other = await app.createUser();
    const gate = receiver.hold();
    await ask('First');
    await ask('Second', other);
    await ask('Third');
    gate.open();
    expect(linesOf(await receiver.take(12))).toEqual(
      ['First', 'Second', 'Third'].flatMap((query) => [`user: ${query}`, `assistant: ${query}`]),
    );
    expect(receiver.mostTogether()).toBe(1);
  });

  it('go on after a subscriber that fails, and the log has only the code', async () => {
    await ask(`Fail, please. ${canaries.query}`);
    const events = await receiver.take(4);
    expect(webhooks(events)).toHaveLength(2);
    expect(app.output()).toContain(
      `Message ${events[1]?.body.entry.message_id}: a subscriber of Strapi failed: Error`,
    );
  });

  it('include entry.create for a message that a client adds', async () => {
    const { body } = await user.post('/conversations', {});
    const added = await user.post(`/conversations/${body.id}/messages`, { role: 'user', content: 'Added' });
    expect(added.status).toBeLessThan(300);
    expect(linesOf(await receiver.take(1))).toEqual(['user: Added']);
  });

  it('are sent before a draining process ends', async () => {
    const gate = receiver.hold();
    await ask('Last');
    const ended = app.signal('SIGTERM');
    await until(async () => (await app.anonymous.get('/api/chat/ready')).status === 503);
    gate.open();
    expect(await ended).toBe(0);
    expect(linesOf(await receiver.take(4))).toEqual(['user: Last', 'assistant: Last']);
  });

  it('are not sent without the setting', async () => {
    const url = await app.startAnother({ CHAT_STRAPI_EVENTS: 'false' });
    await ask('Unheard', createClient(url, user.token, user.user));
    await app.signalAnother(url, 'SIGTERM');
    expect(receiver.count()).toBe(0);
  });
});
