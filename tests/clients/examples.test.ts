/** Runs the programs of clients/examples, also over connections that are cut. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { textAfter, type TurnEvent } from '../../clients/typescript/src/index';
import { writeShellVariables } from '../../scripts/demo/shell-variables';
import { piecesOf, telling } from '../faults/support/upstream';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { codeBlocks } from '../support/markdown';
import { openShell } from '../support/shell';
import { startCuttingProxy } from './support/cutting-proxy';

const root = path.resolve(__dirname, '../..');
const query = 'Is it lonely out here?';
const answer = piecesOf(query, 30).join('');
const run = promisify(execFile);
const blocksOf = (file: string) => codeBlocks(readFileSync(path.join(root, file), 'utf8'));

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp();
  characterId = (await app.admin.createCharacter({ name: 'Maren' })).documentId;
});
afterAll(() => app.stop());
beforeEach(async () => {
  user = await app.createUser();
  app.dify.always(telling(piecesOf(query, 30), () => 2));
});

/** Each example, how it runs, and whether it continues a broken answer. */
const examples: Readonly<
  Record<string, { readonly command: readonly string[]; readonly continues: boolean }>
> = {
  'ask-with-curl.sh': { command: ['bash'], continues: true },
  'ask-with-fetch.mjs': { command: ['node'], continues: true },
  'ask_with_python.py': { command: ['python3'], continues: true },
  'ai-sdk-chat.mjs': { command: ['node'], continues: false },
  'openapi-fetch.mts': { command: ['node', '--import', 'tsx'], continues: false },
  'strapi-client.mjs': { command: ['node'], continues: false },
};

async function runExample(name: string, api: string): Promise<string> {
  const [program = '', ...args] = examples[name]?.command ?? [];
  const file = path.join(root, 'clients/examples', name);
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    API: api,
    JWT: user.token,
    CHARACTER: characterId,
  };
  return (await run(program, [...args, file], { cwd: root, env, maxBuffer: 10_000_000 })).stdout;
}

/** Returns the answer that an example has printed: as text, or as events. */
function answerIn(output: string): string {
  const events = [...output.matchAll(/^data: ([^\n]*)$/gmu)].map(
    ([, data = '']) => JSON.parse(data) as TurnEvent,
  );
  return events.length > 0 ? events.reduce(textAfter, '') : output;
}

describe('clients/examples', () => {
  it('has a test of each program', () => {
    const files = readdirSync(path.join(root, 'clients/examples')).filter(
      (name) => !/README|tsconfig/u.test(name),
    );
    expect(files.sort()).toEqual(Object.keys(examples).sort());
  });

  it.each(Object.keys(examples))('has %s, which prints the answer', async (name) => {
    expect(answerIn(await runExample(name, app.url))).toContain(answer);
    expect((await user.myList()).body.meta.pagination.total).toBe(2);
  });

  const continuing = Object.keys(examples).filter((name) => examples[name]?.continues);
  it.each(continuing)('has %s, which continues an answer that is cut off, and asks once', async (name) => {
    let connections = 0;
    const proxy = await startCuttingProxy(app.url, () => {
      connections += 1;
      return { afterReplyBytes: [1, 3_000, 4_000][connections - 1] ?? Infinity };
    });
    const output = await runExample(name, proxy.url);
    await proxy.close();

    expect(proxy.cuts()).toBe(3);
    expect(answerIn(output).trimEnd()).toBe(answer.trimEnd());
    expect((await user.myList()).body.meta.pagination.total).toBe(2);
  });

  it('has a README whose commands run as printed', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'chat-examples-'));
    mkdirSync(path.join(folder, '.tmp'));
    symlinkSync(path.join(root, 'clients'), path.join(folder, 'clients'));
    writeShellVariables(path.join(folder, '.tmp', 'demo.env'), {
      url: app.url,
      jwt: user.token ?? '',
      characterId,
    });
    const [block] = blocksOf('clients/examples/README.md');
    const shell = openShell(folder);
    const output = await shell.run(block?.code ?? '');
    shell.end();
    rmSync(folder, { recursive: true });

    expect(output.split(answer)).toHaveLength(3);
    expect(answerIn(output)).toBe(answer);
  });
});
