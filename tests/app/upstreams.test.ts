import { appIdOf } from '../upstream/dify-console/support/console';
import { faults, startOpenAiEmulator, type OpenAiEmulator } from '../openai-emulator';
import { isRecord, type RecordedRequest } from '../dify-emulator/requests';
import type { Script } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import { chooseUpstream, type UpstreamColumns } from '../support/choose-upstream';
import type { Client, Reply } from '../support/client';
import { createGate } from '../support/gate';
import { sealKeys } from '../support/strapi-script';
import { holdsWithin, until } from '../support/until';

// The tests ask many questions, and one of them starts a process.
jest.setTimeout(180_000);

const serviceKeys = ['app-up-1', 'app-up-2', 'app-up-3', 'app-up-4', 'app-up-5'];
const consoleKeys = ['app-up-6', 'app-up-7', 'app-up-8'];
const models = ['model-1', 'model-2', 'model-3'];

interface Cast {
  readonly documentId: string;
  readonly prompt: string;
  /** The key of the Dify app, or the model. */
  readonly answeredBy: string;
}

let app: App;
let openai: OpenAiEmulator;
let characters: readonly Cast[];
let columns: Readonly<Record<'service' | 'console' | 'openai', UpstreamColumns>>;

beforeAll(async () => {
  openai = await startOpenAiEmulator({ apiKey: 'sk-of-upstreams', models });
  app = await startApp({
    env: {
      OPENAI_BASE_URL: openai.url,
      OPENAI_API_KEY: openai.apiKey,
      OPENAI_MODEL: 'model-1',
      CHAT_CHECKPOINT_SECONDS: '0.1',
      // The tests change characters by SQL.
      CHAT_REMEMBER_CHARACTERS_SECONDS: '0',
    },
    dify: {
      apps: ['app-up-0', ...serviceKeys, ...consoleKeys].map((key) => ({ key, mode: 'chat' })),
      titleDelayMs: 1,
    },
    difyEnv: ({ url, account }) => ({
      DIFY_CONSOLE_URL: url,
      DIFY_CONSOLE_EMAIL: account.email,
      DIFY_CONSOLE_PASSWORD: account.password,
    }),
  });
  const sealed = await sealKeys(
    app.variables,
    serviceKeys.map((key) => ({ kind: 'dify', key })),
  );
  const services = sealed.map((upstream_key, index) => ({
    upstream_key,
    upstream: 'dify' as const,
    upstream_app_id: index === 0 ? 'named' : null,
  }));
  const consoles = consoleKeys.map((key) => ({
    upstream: 'dify-console' as const,
    upstream_app_id: appIdOf(app.dify, key),
  }));
  const servers = models.map((model) => ({ upstream: 'openai' as const, model }));
  columns = { service: services[0] ?? {}, console: consoles[0] ?? {}, openai: servers[0] ?? {} };
  const answeredBy = ['app-up-0', ...serviceKeys, ...consoleKeys, ...models];
  const chosen = [{}, ...services, ...consoles, ...servers];
  const created: Cast[] = [];
  for (const [index, one] of chosen.entries()) {
    const prompt = `You are Number ${index}, a witness.`;
    const { documentId } = await app.admin.createCharacter({ name: `Number ${index}`, prompt });
    await chooseUpstream(app, documentId, one);
    created.push({ documentId, prompt, answeredBy: answeredBy[index] ?? '' });
  }
  characters = created;
});
afterAll(async () => {
  await app.stop();
  await openai.close();
});

/** Returns who got a question, and with which prompt, as the emulators saw it. */
function arrivalsOf(query: string): readonly (readonly [string, string])[] {
  const inDify = app.dify.conversations().flatMap(({ id, appKey }) =>
    app.dify
      .messages(id)
      .filter((message) => message.query === query)
      .map(({ console, inputs }) => [appKey, (console?.prompt ?? String(inputs['prompt'])).trim()] as const),
  );
  const inOpenAi = openai.requests
    .filter((request) => lastQuestionOf(request) === query)
    .map(({ body }) => (isRecord(body) ? body : {}))
    .map((body) => [String(body['model']), String(messagesOf(body)[0]?.['content'])] as const);
  return [...inDify, ...inOpenAi];
}

const messagesOf = (body: Readonly<Record<string, unknown>>) =>
  Array.isArray(body['messages']) ? body['messages'].filter(isRecord) : [];

function lastQuestionOf({ body }: RecordedRequest): unknown {
  return isRecord(body) ? messagesOf(body).at(-1)?.['content'] : undefined;
}

const answerOf = (query: string) =>
  app.db('chat_conversations').where({ role: 'assistant', query }).first() as Promise<
    Readonly<Record<string, string>>
  >;

function ask(client: Client, { documentId }: Cast, query: string, session_id?: string): Promise<Reply> {
  return client.ask({ character_id: documentId, query, ...(session_id !== undefined && { session_id }) });
}

const castOf = (kind: 'dify' | 'openai') =>
  characters.filter(({ answeredBy }) => models.includes(answeredBy) === (kind === 'openai'));

describe('twelve characters on three kinds of upstream', () => {
  it('answer 60 questions of 20 users side by side, each by its own app with its own prompt', async () => {
    const users = await Promise.all(Array.from({ length: 20 }, () => app.createUser()));
    const questions = Array.from({ length: 60 }, (_, index) => ({
      user: users[index % users.length] as Client,
      character: characters[index % characters.length] as Cast,
      query: `Question ${index} of sixty?`,
    }));
    const replies = await Promise.all(
      questions.map(({ user, character, query }) => ask(user, character, query)),
    );
    for (const [index, { character, query }] of questions.entries()) {
      expect([replies[index]?.status, replies[index]?.body.data[1].outcome]).toEqual([200, 'completed']);
      expect(replies[index]?.body.data[1].answer).toContain(`Number ${characters.indexOf(character)}`);
      expect(arrivalsOf(query)).toEqual([[character.answeredBy, character.prompt]]);
    }
    const logins = app.dify.requests.filter(({ path }) => path === '/console/api/login');
    // The first login tries the password as it is, which 1.x refuses without counting.
    expect(logins).toHaveLength(2);
  });

  it('answer while another upstream hangs, and while it refuses', async () => {
    const user = await app.createUser();
    const broken = castOf('openai');
    for (const _one of broken) openai.next(faults.stall(0));
    const hanging = broken.map((character, index) => ask(user, character, `Does ${index} hang?`));
    await until(() => openai.openStreams === broken.length);
    const healthy = () =>
      Promise.all(castOf('dify').map((character, index) => ask(user, character, `Is ${index} well?`)));
    expect((await healthy()).map(({ status }) => status)).toEqual(castOf('dify').map(() => 200));
    expect(openai.openStreams).toBe(broken.length);
    for (const [index] of broken.entries()) {
      const { turn_id: turnId } = await answerOf(`Does ${index} hang?`);
      await user.post(`/api/chat-conversations/turns/${turnId}/stop`, {});
    }
    for (const { body } of await Promise.all(hanging)) expect(body.data[1].outcome).toBe('stopped');

    for (const _one of broken) openai.next(faults.refuses(500, { message: 'Broken.' }));
    const refused = await Promise.all(broken.map((character) => ask(user, character, 'Are you broken?')));
    expect(refused.map(({ status, body }) => [status, body.error.details.code])).toEqual(
      broken.map(() => [502, 'upstream-failed']),
    );
    expect((await healthy()).map(({ status }) => status)).toEqual(castOf('dify').map(() => 200));
  });
});

describe('a session whose character changes its upstream', () => {
  it('goes on in each, and returns to the old conversation', async () => {
    const user = await app.createUser();
    const { documentId } = await app.admin.createCharacter({ name: 'Wanda', prompt: 'You are Wanda.' });
    const wanda = { documentId, prompt: 'You are Wanda.', answeredBy: '' };
    const askAs = async (chosen: UpstreamColumns, query: string, session?: string) => {
      await chooseUpstream(app, documentId, chosen);
      const { status, body } = await ask(user, wanda, query, session);
      expect([status, body.error]).toEqual([200, undefined]);
      return body.data[1];
    };
    const first = await askAs(columns.service, 'one');
    const session = first.session_id;
    const second = await askAs(columns.openai, 'two', session);
    const third = await askAs(columns.console, 'three', session);
    const fourth = await askAs(columns.service, 'four', session);
    const fifth = await askAs(columns.openai, 'five', session);

    const all = [first, second, third, fourth, fifth];
    expect(all.map(({ session_id: id }) => id)).toEqual(all.map(() => session));
    expect(all.map(({ thread_restarted: isRestarted }) => isRestarted)).toEqual([
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(second.conversation_id).toBe(session);
    expect(third.conversation_id).not.toBe(first.conversation_id);
    expect(fourth.conversation_id).toBe(first.conversation_id);

    const questionsIn = (id: string) => app.dify.messages(id).map(({ query }) => query);
    expect(questionsIn(first.conversation_id)).toEqual(['one', 'four']);
    expect(questionsIn(third.conversation_id)).toEqual(['three']);
    const conversationOf = (id: string) => app.dify.conversations().find((one) => one.id === id);
    expect(conversationOf(first.conversation_id)?.appKey).toBe(serviceKeys[0]);
    expect(conversationOf(third.conversation_id)?.appKey).toBe(consoleKeys[0]);
    const sent = openai.requests.find((request) => lastQuestionOf(request) === 'five')?.body;
    const asked = messagesOf(isRecord(sent) ? sent : {}).filter(({ role }) => role === 'user');
    expect(asked.map(({ content }) => content)).toEqual(['one', 'two', 'three', 'four', 'five']);

    for (const { message_id: id } of [first, third]) {
      const rating = { body: { data: { rating: 'like' } } };
      const { status } = await user.request('PUT', `/api/chat-conversations/messages/${id}/feedback`, rating);
      expect(status).toBe(200);
    }
    const ratingsIn = (id: string) => app.dify.messages(id).map(({ feedback }) => feedback);
    expect(await holdsWithin(10_000, () => ratingsIn(first.conversation_id)[0] === 'like')).toBe(true);
    expect(await holdsWithin(10_000, () => ratingsIn(third.conversation_id)[0] === 'like')).toBe(true);

    expect((await user.request('DELETE', '/api/chat/me')).body.data.sessions).toBe(1);
    for (const { conversation_id: id } of [first, third])
      expect(await holdsWithin(10_000, () => conversationOf(id)?.deleted === true)).toBe(true);
  });
});

describe('a question that is asked again without success, where the upstream has branches', () => {
  it('keeps its old answer in use, until another try has an answer', async () => {
    const user = await app.createUser();
    const { documentId } = await app.admin.createCharacter({ name: 'Rhea', prompt: 'You are Rhea.' });
    await chooseUpstream(app, documentId, columns.openai);
    const rhea = { documentId, prompt: 'You are Rhea.', answeredBy: '' };
    const [, first] = (await ask(user, rhea, 'Asked again?')).body.data;
    const { session_id: session } = first;
    await ask(user, rhea, 'And after that?', session);
    const regenerate = (turnId: string) =>
      user.post(`/api/chat-conversations/turns/${turnId}/regenerate`, {});
    const shown = async () => {
      const { items } = (await user.get(`/api/chat/sessions/${session}/messages`)).body.data;
      return (items as Record<string, string>[]).map(({ content }) => content);
    };
    const before = await shown();
    openai.next(faults.refuses(500, { message: 'Broken.' }));
    const failed = await regenerate(first.turn_id);
    expect(failed.status).toBe(502);

    expect(await shown()).toEqual(before);
    const [, next] = (await ask(user, rhea, 'Do you know it still?', session)).body.data;
    const sent = openai.requests.find((one) => lastQuestionOf(one) === 'Do you know it still?')?.body;
    expect(messagesOf(sent as Record<string, unknown>).map(({ content }) => content)).toEqual([
      rhea.prompt,
      ...before,
      'Do you know it still?',
    ]);
    expect(await shown()).toEqual([...before, 'Do you know it still?', next.answer]);

    const [, again] = (await regenerate(failed.body.error.details.turn_id)).body.data;
    expect(await shown()).toEqual(['Asked again?', again.answer]);
  });
});

describe('a process that is killed while each kind of upstream answers', () => {
  it('recovers what Dify has saved, and keeps the text so far of the others', async () => {
    const user = await app.createUser();
    const { opened: goesOn, open: goOn } = createGate();
    const half =
      (outlives: boolean): Script =>
      async (reply) => {
        if (outlives) reply.outlive();
        await reply.say('Half ');
        await Promise.race(outlives ? [goesOn] : [goesOn, reply.closed]);
        await reply.say('whole.');
        await reply.end();
      };
    const [service, console] = [characters[1] as Cast, characters[6] as Cast];
    const server = characters[9] as Cast;
    const begin = async (character: Cast, query: string) => {
      ask(user, character, query).catch(() => undefined);
      expect(await holdsWithin(20_000, async () => (await answerOf(query))?.['answer'] === 'Half ')).toBe(
        true,
      );
    };
    for (const [character, query, outlives] of [
      [service, 'Service, lost?', false],
      [service, 'Service, saved?', true],
      [console, 'Console, lost?', false],
      [console, 'Console, saved?', true],
    ] as const) {
      app.dify.script(half(outlives));
      await begin(character, query);
    }
    openai.next(async (reply) => {
      await reply.say('Half ');
      await reply.closed;
    });
    await begin(server, 'Server, lost?');
    const questions = openai.requests.length;
    await app.signal('SIGKILL');
    goOn();
    await app.restart();

    const endOf = async (query: string) => {
      await until(async () => (await answerOf(query))['outcome'] !== 'pending');
      const { outcome, answer, error_code: code } = await answerOf(query);
      return [outcome, answer, code];
    };
    const recovered = ['completed', 'Half whole.', null];
    const kept = ['interrupted', 'Half ', 'process-died'];
    expect(await endOf('Service, saved?')).toEqual(recovered);
    expect(await endOf('Console, saved?')).toEqual(recovered);
    expect(await endOf('Service, lost?')).toEqual(kept);
    expect(await endOf('Console, lost?')).toEqual(kept);
    expect(await endOf('Server, lost?')).toEqual(kept);
    expect(openai.requests.slice(questions).filter(({ method }) => method === 'POST')).toEqual([]);
  });
});
