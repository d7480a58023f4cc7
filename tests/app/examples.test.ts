/** Runs the examples of the documents as they are printed. tests/docs.test.ts checks that each document is run. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo } from 'node:net';
import { createContext, runInContext } from 'node:vm';

import { DefaultChatTransport } from 'ai';
import OpenAI from 'openai';
import ts from 'typescript';
import { WebSocket } from 'ws';

import { demoCharacters } from '../../scripts/demo/characters';
import { writeShellVariables } from '../../scripts/demo/shell-variables';
import { createDifyEmulator } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { differences } from '../support/documented';
import { createGate } from '../support/gate';
import { codeBlocks, type CodeBlock } from '../support/markdown';
import { PlainChat } from '../support/plain-chat';
import { openShell, type Shell } from '../support/shell';
import { runSourceInStrapi } from '../support/strapi-script';
import { connect } from '../support/socket-client';
import { until } from '../support/until';

const blocksOf = (file: string) => codeBlocks(readFileSync(path.resolve(__dirname, '../..', file), 'utf8'));
const inLanguage = (blocks: readonly CodeBlock[], ...languages: readonly string[]) =>
  blocks.filter(({ language }) => languages.includes(language));

/** The keys whose printed values are those of the real reply. */
const same = [
  ...['code', 'status', 'message', 'type', 'request_id', 'event', 'role', 'outcome', 'error_code'],
  ...['is_live', 'live_turn_id', 'is_deleted', 'feedback', 'username', 'email', 'isMatch'],
];
const differencesFrom = (sample: CodeBlock, value: unknown) =>
  differences(value, { sample: JSON.parse(sample.code), same });

/** Removes the types of TypeScript. */
const toJavaScript = (code: string) =>
  ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  }).outputText;

/** Runs TypeScript or JavaScript in this process. It sees only the given names. */
async function evaluate(code: string, names: Readonly<Record<string, unknown>>): Promise<void> {
  await runInContext(`(async () => {${toJavaScript(code)}})()`, createContext({ ...names }));
}

let app: App;
let user: Client;
let characterId: string;
let folder: string;

beforeAll(async () => {
  const emulated = { key: 'app-emulated-chat', mode: 'chat', suggestsQuestions: true } as const;
  app = await startApp({ dify: { apps: [emulated] } });
  for (const character of [...demoCharacters].reverse())
    characterId = (await app.admin.createCharacter(character)).documentId;
  user = await app.createUser();
  folder = mkdtempSync(path.join(tmpdir(), 'chat-examples-'));
  mkdirSync(path.join(folder, '.tmp'));
  const variables = { url: app.url, jwt: user.token ?? '', characterId };
  writeShellVariables(path.join(folder, '.tmp', 'demo.env'), variables);
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await app.stop();
});
afterEach(() => app.dify.reset());

/** Opens a shell in the folder of the demo, for the tests of one document. */
function useShell(): { readonly run: Shell['run'] } {
  let shell: Shell;
  beforeAll(() => {
    shell = openShell(folder);
  });
  afterAll(() => shell.end());
  return { run: (code) => shell.run(code) };
}

/** Returns the events of an event stream. */
function eventsIn(stream: string): { readonly event: string }[] {
  return [...stream.matchAll(/^data: (.*)$/gmu)].map(
    ([, data = '']) => JSON.parse(data) as { event: string },
  );
}

/** Returns the ids and names of the events of an event stream, or of a shortened one. */
const numberedEventsIn = (stream: string) =>
  [...stream.matchAll(/^id: (\d+)\ndata: \{"event":"(\w+)"/gmu)].map(([, id, event]) => `${id} ${event}`);

/**
 * Starts a TCP server in front of the application. It cuts the first connection that has received a piece of an answer.
 */
async function startCutter(url: string) {
  const { hostname, port } = new URL(url);
  let [connections, isCut] = [0, false];
  const cut = createGate();
  const server = createServer((client) => {
    connections += 1;
    const upstream = connectTcp(Number(port), hostname);
    const end = () => [client, upstream].forEach((socket) => socket.destroy());
    for (const socket of [client, upstream]) socket.on('error', end).on('close', end);
    client.pipe(upstream);
    upstream.on('data', (bytes: Buffer) => {
      client.write(bytes);
      if (isCut || !bytes.includes('"event":"message"')) return;
      isCut = true;
      cut.open();
      client.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    hasCut: cut.opened,
    connections: () => connections,
    close: () => void server.close(),
  };
}

describe('README.md', () => {
  const shell = useShell();

  it('makes the first call as printed', async () => {
    const blocks = blocksOf('README.md').filter(
      ({ heading }) => heading === 'Your first call in five minutes',
    );
    expect(blocks).toHaveLength(4);
    const replies: string[] = [];
    for (const { code } of blocks) replies.push(await shell.run(code));

    const [, characters = '', stream = '', list = ''] = replies;
    expect(JSON.parse(characters)).toMatchObject({ data: [{}, {}, { documentId: characterId }] });
    const events = eventsIn(stream).map(({ event }) => event);
    expect([events[0], events[1], events.at(-1)]).toEqual(['turn_started', 'message', 'message_end']);
    const { data } = JSON.parse(list) as { data: readonly { role: string }[] };
    expect(data.map(({ role }) => role).sort()).toEqual(['assistant', 'user']);
  });
});

describe('docs/build-your-app.md', () => {
  const blocks = blocksOf('docs/build-your-app.md');
  const [program] = inLanguage(blocks, 'ts');
  const shell = useShell();
  const replies: string[] = [];

  /** Runs the program of the document with the login of the shell. `settings` begin its command. */
  async function runProgram(settings: string): Promise<string> {
    const variables =
      'const { API: api, JWT: jwt, REFRESH: refreshToken, CHARACTER: characterId } = process.env;';
    writeFileSync(path.join(folder, 'example.mjs'), `${variables}\n${toJavaScript(program?.code ?? '')}`);
    return shell.run(`${settings} node example.mjs`);
  }

  it('has calls that run as printed, in order', async () => {
    app.dify.always(async (reply) => {
      const { query } = reply.request.body as { query: string };
      if (query.includes('a long story')) await reply.say('Once').then(() => reply.closed);
      else await reply.tell().then(() => reply.end());
    });
    for (const { code } of inLanguage(blocks, 'sh')) replies.push(await shell.run(code));

    const [, login = '', characters = '', stream = '', rest = '', list = '', stopped = ''] = replies;
    expect(JSON.parse(login)).toMatchObject({ user: { username: 'mia' } });
    expect(JSON.parse(characters)).toMatchObject({ data: [{}, {}, {}] });
    expect(numberedEventsIn(stream).slice(0, 2)).toEqual(['1 turn_started', '2 message']);
    expect(eventsIn(stream).at(-1)).toMatchObject({ event: 'message_end', outcome: 'completed' });
    expect(eventsIn(rest).map(({ event }) => event)).toEqual(['message_replace', 'message_end']);
    expect(JSON.parse(list)).toMatchObject({ data: [{ role: 'assistant' }, { role: 'user' }] });
    expect(JSON.parse(stopped)).toMatchObject({ data: { outcome: 'stopped' } });
  });

  it('has a program that shows an answer, also with an expired login', async () => {
    expect(await runProgram('')).toMatch(/^completed Maren here/u);
    expect(await runProgram('JWT=expired')).toMatch(/^completed Maren here/u);
  });

  it('has a program that loses nothing of an answer when its connection breaks', async () => {
    const cutter = await startCutter(app.url);
    app.dify.script(async (reply) => {
      await reply.say('Maren ');
      await cutter.hasCut;
      await reply.say('here.').then(() => reply.end());
    });

    expect(await runProgram(`API=${cutter.url}`)).toBe('completed Maren here.\n');
    expect(cutter.connections()).toBeGreaterThan(1);
    cutter.close();
  });
});

describe('docs/http-api.md', () => {
  const blocks = blocksOf('docs/http-api.md');
  const shell = useShell();
  const replies = new Map<string, string>();
  const replyOf = (code: string) => [...replies].find(([example]) => example.includes(code))?.[1] ?? '';

  it('has examples that run as printed, in order', async () => {
    for (const { code } of inLanguage(blocks, 'sh')) replies.set(code, await shell.run(code));

    expect(replies.size).toBeGreaterThan(8);
  });

  it('shows the headers of an event stream, and the events of an ended turn', () => {
    const texts = inLanguage(blocks, 'text').map(({ code }) => code);
    const [headers = ''] = texts.find((text) => text.includes('text/event-stream'))?.split('\n\n') ?? [];
    const stream = replyOf('curl -iN').replaceAll('\r', '').split('\n');
    expect(stream).toEqual(expect.arrayContaining(headers.split('\n')));

    const ended = numberedEventsIn(texts.find((text) => text.includes('message_replace')) ?? '');
    expect(numberedEventsIn(replyOf('Last-Event-ID'))).toEqual([...ended, ...ended]);
  });
});

describe('docs/existing-clients.md', () => {
  const blocks = inLanguage(blocksOf('docs/existing-clients.md'), 'sh');
  const shell = useShell();

  /** Waits until the history has all answers. A reader takes longer. */
  const untilCopied = () =>
    until(async () => (await app.db('chat_conversations').whereNotNull('history_due')).length === 0);

  it('has examples that run as printed, in order', async () => {
    const replies = new Map<string, string>();
    for (const { heading, code } of blocks) {
      if (heading === 'The history of generations') await untilCopied();
      replies.set(heading, await shell.run(code));
    }

    const edited =
      replies
        .get('Editing a question')
        ?.split(/(?<=\})(?=\{"code")/u)
        .at(-1) ?? '';
    expect(JSON.parse(edited)).toMatchObject({
      data: { content: 'And in summer?', reply: { outcome: 'completed' } },
    });
    const { messages } = JSON.parse(replies.get('The history of generations') ?? '') as {
      messages: readonly { role: string }[];
    };
    expect(messages.map(({ role }) => role)).toEqual(expect.arrayContaining(['user', 'assistant']));
    expect(JSON.parse(replies.get('Statistics') ?? '')).toMatchObject({ time_zone: 'UTC', days: [{}] });
  });
});

describe('docs/openai-api.md', () => {
  it('holds a dialogue as printed, in one session', async () => {
    const [example] = inLanguage(blocksOf('docs/openai-api.md'), 'ts');
    const talker = await app.createUser();
    const answers: unknown[] = [];
    await evaluate(`${example?.code}; answers.push(answer, completion.choices[0].message.content);`, {
      OpenAI,
      server: app.url,
      token: talker.token,
      character: characterId,
      answers,
    });

    expect(answers).toEqual([expect.stringMatching(/./u), expect.stringMatching(/./u)]);
    const { body } = await talker.post('/api/chat/sessions', {});
    expect(body.data).toMatchObject([{ message_count: 4 }]);
  });
});

describe('docs/ai-sdk.md', () => {
  const [example, stop] = inLanguage(blocksOf('docs/ai-sdk.md'), 'ts');

  it('holds a chat as printed, in one session, and stops', async () => {
    const talker = await app.createUser();
    const shown: unknown[] = [];
    const names = { Chat: PlainChat, DefaultChatTransport, fetch, server: app.url, id: 'my chat', shown };
    const freshToken = async () => talker.token;
    await evaluate(
      `${example?.code}; ${stop?.code}; shown.push(chat.status, ...chat.messages.map(({ role }) => role));`,
      { ...names, freshToken, character: characterId },
    );

    expect(shown).toEqual(['ready', 'user', 'assistant', 'user', 'assistant']);
    const { body } = await talker.post('/api/chat/sessions', {});
    expect(body.data).toMatchObject([{ message_count: 4 }]);
  });
});

describe('docs/dify-api.md', () => {
  const shell = useShell();

  it('has examples that run as printed, in order', async () => {
    const replies: string[] = [];
    for (const { code } of inLanguage(blocksOf('docs/dify-api.md'), 'sh'))
      replies.push(await shell.run(code));

    const [answer = '', stream = '', lists = ''] = replies;
    const { conversation_id: id } = JSON.parse(answer) as { conversation_id: string };
    expect(eventsIn(stream).at(-1)).toMatchObject({ event: 'message_end', conversation_id: id });
    const [messages, ofConsole] = lists
      .split(/(?<=\})(?=\{"limit")/u)
      .map((text) => JSON.parse(text) as unknown);
    const data = [{ query: 'Who are you?' }, { query: 'Is it lonely?' }];
    expect([messages, ofConsole]).toMatchObject([{ data }, { data }]);
  });
});

describe('docs/websocket.md', () => {
  const blocks = blocksOf('docs/websocket.md');
  const frames = inLanguage(blocks, 'json').map((block) => ({
    block,
    frame: JSON.parse(block.code) as { readonly event?: string; readonly type: string },
  }));
  const shell = useShell();
  let session: string;

  it('has a shell example that creates a session', async () => {
    const [create] = inLanguage(blocks, 'sh');
    const { data } = JSON.parse(await shell.run(create?.code ?? '')) as { data: { session_id: string } };
    session = data.session_id;
  });

  it('has a page that connects, asks and shows the answer', async () => {
    const [page] = inLanguage(blocks, 'js');
    const sockets: WebSocket[] = [];
    class PageSocket extends WebSocket {
      constructor(...args: ConstructorParameters<typeof WebSocket>) {
        super(...args);
        sockets.push(this);
      }
    }
    const lines: unknown[][] = [];
    const print = (...line: unknown[]) => void lines.push(line);
    const console = { log: print, error: print };
    await evaluate(page?.code ?? '', {
      ...{ WebSocket: PageSocket, console },
      ...{ api: app.url, token: user.token, sessionId: session },
    });
    await until(() => lines.length > 0);
    expect(lines).toEqual([['completed', expect.stringContaining('Maren here')]]);

    for (const socket of sockets) socket.close();
    await until(() => lines.length > 1);
    expect(lines[1]?.[0]).toBe(1005);
  });

  it('shows frames as they are sent and received', async () => {
    app.dify.script(async (reply) => reply.say('Maren').then(() => reply.closed));
    const device = await connect(app.url, `/ws/${session}`, { protocols: ['bearer', user.token ?? ''] });
    await device.until(({ event }) => event === 'connected');
    const requests = frames.filter(({ frame }) => frame.event === undefined);
    for (const { block, frame } of requests) {
      device.send(block.code);
      const { turn_id } = await device.until(({ event }) => event === 'request_done');
      await device.until(({ event }) => event === 'message');
      device.send({ ...frame, idempotency_key: 'another', request_id: 8 });
      await device.until(({ event }) => event === 'request_failed');
      device.send({ type: 'stop', turn_id });
      await device.until(({ event }) => event === 'message_end');
    }
    await device.leave();

    expect(requests).toHaveLength(1);
    for (const { block, frame } of frames.filter((one) => !requests.includes(one))) {
      const real = device.frames.find(({ event }) => event === frame.event);
      expect([frame.event, differencesFrom(block, real)]).toEqual([frame.event, []]);
    }
  });
});

describe('docs/services.md', () => {
  const blocks = blocksOf('docs/services.md');

  it('has examples that run as printed and print what the document shows', async () => {
    const examples = inLanguage(blocks, 'ts').map(({ code }) => `{${toJavaScript(code)}}`);
    const owner = await app.createUser();
    const printed = await runSourceInStrapi<string[]>(
      app.variables,
      `async (strapi) => {
        const userId = ${owner.user.id};
        const lines = [];
        const console = { log: (line) => lines.push(line) };
        ${examples.join('\n')}
        return lines;
      }`,
    );

    const shown = inLanguage(blocks, 'text').map(({ code }) => code);
    expect(`${printed.join('\n')}\n`).toBe(shown.join(''));
  });
});

describe('CONTRIBUTING.md', () => {
  it('has a script of the emulator that runs as printed', async () => {
    const [example] = inLanguage(blocksOf('CONTRIBUTING.md'), 'ts');
    await evaluate(example?.code ?? '', { app });

    const { body } = await user.ask({ character_id: characterId, query: 'First' });
    expect(body.error.details.code).toBe('upstream-interrupted');
    const { events } = await user.stream({ character_id: characterId, query: 'Second' });
    for await (const { event, data } of events) {
      if (event !== 'message') continue;
      expect(data.answer).toBe('Hel');
      await user.post(`/api/chat-conversations/turns/${data.turn_id}/stop`, undefined);
    }
  });
});

describe('tests/dify-emulator/README.md', () => {
  it('has a program that runs as printed', async () => {
    const [example] = inLanguage(blocksOf('tests/dify-emulator/README.md'), 'ts');
    await evaluate(example?.code ?? '', { createDifyEmulator });
  });
});
