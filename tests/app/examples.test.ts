/** Runs the examples of the documents as they are printed. tests/docs.test.ts checks that each document is run. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createContext, runInContext } from 'node:vm';

import ts from 'typescript';
import { WebSocket } from 'ws';

import { demoCharacters } from '../../scripts/demo/characters';
import { writeShellVariables } from '../../scripts/demo/shell-variables';
import { createDifyEmulator } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { differences } from '../support/documented';
import { codeBlocks, type CodeBlock } from '../support/markdown';
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

describe('docs/http-api.md', () => {
  const blocks = blocksOf('docs/http-api.md');
  const json = inLanguage(blocks, 'json');
  const isError = ({ code }: CodeBlock) => code.includes('"error": {\n');
  const shell = useShell();
  const replies = new Map<CodeBlock, string>();

  const replyOf = (example: CodeBlock | undefined) => {
    const reply = example && replies.get(example);
    if (reply === undefined) throw new Error('The document has no such example.');
    return reply;
  };
  const exampleWith = (code: string) =>
    blocks.find((block) => replies.has(block) && block.code.includes(code));

  /** Returns the example whose reply a sample shows: the last one above it in its section. */
  function exampleOf(sample: CodeBlock): CodeBlock | undefined {
    if (sample.heading === 'The reply in JSON') return exampleWith('TURN=$(field');
    return blocks
      .slice(0, blocks.indexOf(sample))
      .filter((block) => replies.has(block) && block.heading === sample.heading)
      .at(-1);
  }

  /** Runs one example. TypeScript gets the variables that the text above it names. */
  async function run({ language, code }: CodeBlock): Promise<string> {
    if (language === 'sh') return shell.run(code);
    const variables = 'const { API: api, JWT: token, CHARACTER: characterId } = process.env;';
    writeFileSync(path.join(folder, 'example.mjs'), `${variables}\n${toJavaScript(code)}`);
    return shell.run('node example.mjs');
  }

  /** Waits until the history has all answers. A reader takes longer. */
  const untilCopied = () =>
    until(async () => (await app.db('chat_conversations').whereNotNull('history_due')).length === 0);

  it('has examples that run as printed, in order', async () => {
    let stories = 0;
    app.dify.always(async (reply) => {
      const { query } = reply.request.body as { query: string };
      // An example stops the first of these answers.
      if (query.includes('a long story') && stories++ === 0) await reply.say('Once').then(() => reply.closed);
      else await reply.tell().then(() => reply.end());
    });
    for (const block of inLanguage(blocks, 'sh', 'ts', 'js')) {
      if (block.heading === 'The history of generations') await untilCopied();
      replies.set(block, await run(block));
    }

    expect(stories).toBe(2);
    expect(replyOf(blocks.find(({ language }) => language === 'ts'))).toMatch(/^completed Maren here/u);
  });

  it('shows the keys and kinds of each real reply', () => {
    for (const sample of json.filter((one) => !isError(one))) {
      const example = exampleOf(sample);
      const found = differencesFrom(sample, JSON.parse(replyOf(example)));
      expect([example?.code, found]).toEqual([example?.code, []]);
    }
  });

  it('shows the headers of an event stream, and the events of an ended turn', () => {
    const texts = inLanguage(blocks, 'text').map(({ code }) => code);
    const [headers = ''] = texts.find((text) => text.includes('text/event-stream'))?.split('\n\n') ?? [];
    const stream = replyOf(exampleWith('curl -iN')).replaceAll('\r', '').split('\n');
    expect(stream).toEqual(expect.arrayContaining(headers.split('\n')));

    const ended = numberedEventsIn(texts.find((text) => text.includes('message_replace')) ?? '');
    expect(numberedEventsIn(replyOf(exampleWith('Last-Event-ID')))).toEqual([...ended, ...ended]);
  });

  it('shows the lines of an export', () => {
    const keysOf = (line: string) => [...line.matchAll(/"(\w+)":/gu)].map(([, key = '']) => key);
    const shown = inLanguage(blocks, 'text').find(({ heading }) => heading === 'GET /api/chat/export');
    const lines = readFileSync(path.join(folder, '.tmp', 'chat.ndjson'), 'utf8')
      .trimEnd()
      .split('\n');
    for (const printed of shown?.code.trimEnd().split('\n') ?? []) {
      const real = lines.find((line) => line.startsWith(printed.slice(0, printed.indexOf(','))));
      expect(keysOf(real ?? '')).toEqual(expect.arrayContaining(keysOf(printed)));
    }
    expect(shown).toBeDefined();
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
