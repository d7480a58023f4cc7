import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describeError } from '../../../src/chat/shared/log';
import { createDifyConsole } from '../../../src/upstream/dify-console/console';
import { askDify } from '../../chat/support/dify';
import { readCaptures, type Exchange } from '../../dify-emulator/captures/read';
import { consoleSettings } from './support/console';
import { createMemoryLoginAttempts } from '../../chat/support/memory-login-attempts';

const versions = ['0.15.3', '1.12.1'] as const;
type Version = (typeof versions)[number];
/** The words of the recorded login. */
const account = { email: 'owner@example.com', password: 'Passw0rd123', refusedLogins: 0 };

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

let server: http.Server | undefined;

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

function recorded(version: Version, name: string): Exchange {
  const found = readCaptures(version, 'console').find((exchange) => exchange.name === name);
  if (found === undefined) throw new Error(`There is no recording ${version} console ${name}.`);
  return found;
}

/** Starts a server that replies with recorded bytes. `replies` has their names by the end of the address. */
async function play(version: Version, replies: Record<string, readonly string[]>) {
  const received: Received[] = [];
  const left = new Map(Object.entries(replies).map(([end, names]) => [end, [...names]]));
  const nameFor = ({ path, body }: Received): string => {
    const names = [...left].find(([end]) => path.endsWith(end))?.[1];
    if (names !== undefined) return names.length > 1 ? (names.shift() ?? '') : (names[0] ?? '');
    if (path.endsWith('/refresh-token')) return 'refresh';
    if (!path.endsWith('/login')) return 'app';
    const { password } = JSON.parse(body) as { password: string };
    return (JSON.parse(recorded(version, 'login').body ?? '{}') as { password: string }).password === password
      ? 'login'
      : 'login-wrong';
  };
  server = http.createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const path = (req.url ?? '').replace(/\?.*$/u, '');
      const request = { path, headers: req.headers, body: Buffer.concat(chunks).toString() };
      received.push(request);
      const { status, headers, cookies, reply } = recorded(version, nameFor(request));
      const isStream = headers['content-type']?.startsWith('text/event-stream') === true;
      res.writeHead(status, { ...headers, ...(cookies.length > 0 && { 'set-cookie': [...cookies] }) });
      res.end(isStream ? `${reply}\n\n` : reply);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const settings = consoleSettings({ url: `http://127.0.0.1:${port}`, account });
  const appId = recorded(version, 'app').path.split('/').at(-1) ?? '';
  return {
    upstream: createDifyConsole({ settings, logins: createMemoryLoginAttempts(), warn: () => undefined }).app(
      appId,
    ),
    received,
  };
}

describe.each(versions)('the console of Dify %s as recorded', (version) => {
  it('takes the login, its renewal after a 401, and a question', async () => {
    const { upstream, received } = await play(version, { '/chat-messages': ['bad-token', 'answer'] });
    const { error, text, events } = await askDify(upstream);
    expect(error).toBeUndefined();
    expect(text).toBe('你好 词1 词2');
    expect(events.at(-1)).toMatchObject({ type: 'completed', usage: { total_tokens: 83 } });
    const paths = received.map(({ path }) => path.replace(/^.*\//u, ''));
    const logins = version === '0.15.3' ? ['login'] : ['login', 'login'];
    const app = recorded(version, 'app').path.split('/').at(-1);
    expect(paths).toEqual([...logins, app, 'chat-messages', 'refresh-token', 'chat-messages']);
  });

  it('gets the tokens of its login with each call', async () => {
    const { upstream, received } = await play(version, { '/chat-messages': ['bad-token', 'answer'] });
    await askDify(upstream);
    const refresh = received.find(({ path }) => path.endsWith('/refresh-token'));
    const question = received.at(-1);
    if (version === '0.15.3') {
      expect(refresh?.body).toBe('{"refresh_token":"(128 hex digits)"}');
      expect(question?.headers).toMatchObject({ authorization: 'Bearer (JWT)' });
      expect(question?.headers).not.toHaveProperty('cookie');
      return;
    }
    expect(refresh?.body).toBe('');
    const tokens = ['access_token=(JWT)', 'refresh_token=(token)', 'csrf_token=(JWT)'];
    for (const call of [refresh, question]) {
      expect(call?.headers.cookie?.split('; ').sort()).toEqual([...tokens].sort());
      expect(call?.headers).toMatchObject({ 'x-csrf-token': '(JWT)' });
      expect(call?.headers).not.toHaveProperty('authorization');
    }
  });

  it('takes an agent with a tool', async () => {
    const { upstream } = await play(version, { '/chat-messages': ['agent-chat'] });
    expect(await askDify(upstream)).toMatchObject({ text: '你好 词1', error: undefined });
  });

  it.each([
    ['model-refuses', 'upstream-failed'],
    ['model-dies', 'upstream-failed'],
    ['model-unknown', 'upstream-misconfigured'],
    ['provider-unknown', 'upstream-misconfigured'],
    ['conversation-unknown', 'upstream-conversation-gone'],
    ['app-unknown', 'upstream-misconfigured'],
    ['app-chatflow', 'upstream-misconfigured'],
  ])('reports %s as %s', async (name, code) => {
    const { upstream } = await play(version, { '/chat-messages': [name] });
    expect((await askDify(upstream)).error).toMatchObject({ code });
  });

  it.each([
    ['login-wrong', 'Check the email and the password'],
    ['login-locked-right-password', 'for 24 hours'],
  ])('takes %s as the last login', async (name, sentence) => {
    const { upstream, received } = await play(version, { '/login': [name] });
    for (let asked = 0; asked < 3; asked++) {
      const { error } = await askDify(upstream);
      expect(error).toMatchObject({ code: 'upstream-misconfigured' });
      expect(describeError(error)).toContain(sentence);
    }
    const isInTwoForms = version === '1.12.1' && name === 'login-wrong';
    expect(received).toHaveLength(isInTwoForms ? 2 : 1);
  });

  it('finds nothing wrong with the app', async () => {
    const { upstream } = await play(version, {});
    expect(await upstream.findProblem()).toBeNull();
  });

  it('finds a lost answer in the list of messages', async () => {
    const { upstream } = await play(version, { '/chat-messages': ['messages'] });
    const { data } = JSON.parse(recorded(version, 'messages').reply) as {
      data: { id: string; conversation_id: string; query: string; created_at: number }[];
    };
    const [, second] = data;
    const askedAt = new Date((second?.created_at ?? 0) * 1_000);
    const conversationId = second?.conversation_id ?? '';
    const lost = { user: 'ada', query: second?.query ?? '', askedAt, conversationId };
    const found = { messageId: second?.id, conversationId, answer: '你好 词1' };
    expect(await upstream.findLostAnswer({ ...lost, messageId: second?.id })).toEqual(found);
    expect(await upstream.findLostAnswer(lost)).toEqual(found);
  });

  it('takes ratings, a stop, and an app that suggests no questions', async () => {
    const { upstream } = await play(version, {
      '/feedbacks': ['feedback', 'feedback-withdrawn'],
      '/stop': ['stop-unknown-task'],
      '/suggested-questions': ['suggested-disabled'],
    });
    await upstream.rate('m', { user: 'ada', rating: 'like' });
    await upstream.rate('m', { user: 'ada', rating: null });
    await upstream.stop('t', 'ada');
    expect(await upstream.suggestQuestions('m', 'ada')).toEqual([]);
  });
});
