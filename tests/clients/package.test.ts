/** Packs the client, and uses the package as an app does. */
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import ts from 'typescript';

import { demoCharacters } from '../../scripts/demo/characters';
import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { codeBlocks } from '../support/markdown';

const root = path.resolve(__dirname, '../..');
const run = promisify(execFile);
const blocksOf = (file: string) => codeBlocks(readFileSync(path.join(root, file), 'utf8'));

let app: App;
let user: Client;
let characterId: string;
/** The folder of an app that has installed the package. */
let folder: string;

beforeAll(async () => {
  const emulated = { key: 'app-emulated-chat', mode: 'chat', suggestsQuestions: true } as const;
  app = await startApp({ dify: { apps: [emulated] } });
  for (const character of [...demoCharacters].reverse())
    characterId = (await app.admin.createCharacter(character)).documentId;
  user = await app.createUser();
  folder = mkdtempSync(path.join(tmpdir(), 'chat-client-'));
  await installPackage();
}, 120_000);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await app.stop();
});

/** Unpacks what `npm pack` packs, beside the packages that it needs. */
async function installPackage(): Promise<void> {
  const packages = path.join(folder, 'node_modules');
  mkdirSync(packages);
  await run('npm', ['pack', path.join(root, 'clients/typescript'), '--silent', '--pack-destination', folder]);
  await run('tar', ['xzf', 'character-chat-client-0.1.0.tgz'], { cwd: folder });
  cpSync(path.join(folder, 'package'), path.join(packages, 'character-chat-client'), { recursive: true });
  const { dependencies } = readManifest(path.join(folder, 'package')) as { dependencies: object };
  for (const name of [...Object.keys(dependencies), 'ws']) {
    symlinkSync(path.join(root, 'node_modules', name), path.join(packages, name));
  }
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
}

const readManifest = (of: string): unknown => JSON.parse(readFileSync(path.join(of, 'package.json'), 'utf8'));

/** Runs a program in plain Node. @returns its lines. */
async function runModule(code: string): Promise<string[]> {
  writeFileSync(path.join(folder, 'program.mjs'), code);
  const env = { API: app.url, IDENTIFIER: user.user.username, PASSWORD: password, CHARACTER: characterId };
  const { stdout } = await run(process.execPath, ['program.mjs'], { cwd: folder, env });
  return stdout.trimEnd().split('\n');
}

const variables =
  'const { API: baseUrl, IDENTIFIER: identifier, PASSWORD: password, CHARACTER: characterId } = process.env;';

describe('the package', () => {
  it('loads as an ES module in plain Node, and needs eventsource-parser only', async () => {
    const names = "console.log(Object.keys(await import('character-chat-client')).join(' '))";
    expect(await runModule(names)).toEqual([
      'ApiError NetworkError createClient createKey isTerminal memoryStorage tabStorage textAfter webStorage',
    ]);
    expect(readManifest(path.join(folder, 'package'))).toMatchObject({
      dependencies: { 'eventsource-parser': expect.any(String) },
      sideEffects: false,
    });
  });

  it('has the version of the server', () => {
    const { version } = readManifest(path.join(folder, 'package')) as { version: string };
    expect(readManifest(root)).toMatchObject({ version });
  });
});

describe('clients/typescript/README.md', () => {
  const blocks = blocksOf('clients/typescript/README.md').filter(({ language }) => language === 'ts');
  const program = blocks.map(({ code }) => code).join('\n');

  it('has examples that compile with the types of the package', () => {
    const file = path.join(folder, 'program.ts');
    const declared =
      'declare const baseUrl: string, identifier: string, password: string, characterId: string;';
    writeFileSync(file, `${declared}\n${program}\nexport {};`);
    const options: ts.CompilerOptions = {
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true, types: [] },
      ...{ module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2022 },
      lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
    };
    const problems = ts.getPreEmitDiagnostics(ts.createProgram([file], options));
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  });

  it('has examples that run as printed, in order', async () => {
    // Node 20 has neither a localStorage nor a WebSocket.
    const browser = `
      import { WebSocket } from 'ws';
      globalThis.WebSocket ??= WebSocket;
      const items = new Map();
      Object.defineProperty(globalThis, 'localStorage', { value: {
        getItem: (key) => items.get(key) ?? null,
        setItem: (key, value) => void items.set(key, value),
        removeItem: (key) => void items.delete(key),
      } });`;
    const target = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
    const { outputText } = ts.transpileModule(program, { compilerOptions: target });
    const lines = await runModule(`${browser}\n${variables}\n${outputText}`);

    const maren = demoCharacters.find(({ name }) => name === 'Maren');
    expect(lines).toContain(`Maren ${maren?.introduce}`);
    expect(lines).toContainEqual(expect.stringMatching(/^completed Maren here/u));
    expect(lines).toContain('Is it lonely out here?');
    expect(lines).toContainEqual(expect.stringContaining('isMatch: true'));
    expect(lines.slice(-4)).toEqual([
      'logged in',
      user.user.username,
      'logged out',
      '404 session-not-found There is no such session. null',
    ]);
  });
});

describe('clients/typescript/src/openapi.ts', () => {
  it('is up to date (npm run client:types)', async () => {
    const file = path.join(folder, 'openapi.ts');
    const { text } = await app.anonymous.get('/api/openapi.json');
    const tsx = [
      path.join(root, 'node_modules/tsx/dist/cli.mjs'),
      path.join(root, 'scripts/client-types.ts'),
      file,
    ];
    const generated = run(process.execPath, tsx);
    generated.child.stdin?.end(text);
    await generated;

    expect(readFileSync(path.join(root, 'clients/typescript/src/openapi.ts'), 'utf8')).toBe(
      readFileSync(file, 'utf8'),
    );
  });
});
