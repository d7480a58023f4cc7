import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { isRecord } from '../dify-emulator/requests';
import { appIdOf, requestsTo } from '../upstream/dify-console/support/console';
import { startOpenAiEmulator, type OpenAiEmulator } from '../openai-emulator';
import { startApp, secretsOfTests, type App } from '../support/app';
import { assertCleanLog } from '../support/canaries';
import { chooseUpstream, type UpstreamColumns } from '../support/choose-upstream';
import { sealKeys } from '../support/strapi-script';
import { holdsWithin } from '../support/until';

// Each test starts processes.
jest.setTimeout(120_000);

const root = path.resolve(__dirname, '..', '..');
const keys = { chat: 'app-doctor-chat', short: 'app-doctor-short', workflow: 'app-doctor-workflow' };
const unknownApp = '8c6b3a52-5e1d-4a3b-9d77-1b5a2c7e9f01';
const prompt = 'You are Tom, and your prompt is longer than a short text of Dify.';

let app: App;
let openai: OpenAiEmulator;
let sealed: readonly string[];
const characters = new Map<string, string>();

beforeAll(async () => {
  openai = await startOpenAiEmulator({ apiKey: 'sk-doctor' });
  app = await startApp({
    env: { OPENAI_BASE_URL: openai.url, OPENAI_API_KEY: openai.apiKey, OPENAI_MODEL: 'emulated-model' },
    dify: {
      apps: [
        { key: keys.chat, mode: 'chat' },
        {
          key: keys.short,
          mode: 'chat',
          form: [{ type: 'text-input', variable: 'prompt', maxLength: 48 }],
        },
        { key: keys.workflow, mode: 'workflow' },
      ],
    },
    difyEnv: ({ url, account }) => ({
      DIFY_CONSOLE_URL: url,
      DIFY_CONSOLE_EMAIL: account.email,
      DIFY_CONSOLE_PASSWORD: account.password,
    }),
  });
  sealed = await sealKeys(app.variables, [
    { kind: 'dify', key: keys.short },
    { kind: 'dify', key: keys.workflow },
    { kind: 'openai', key: 'sk-wrong-doctor' },
  ]);
});
afterAll(async () => {
  await app.stop();
  await openai.close();
});

async function createCharacter(
  name: string,
  columns: UpstreamColumns,
  text = 'You are kind.',
): Promise<void> {
  const { documentId } = await app.admin.createCharacter({ name, prompt: text });
  characters.set(name, documentId);
  await chooseUpstream(app, documentId, columns);
}

async function runDoctor(env: Readonly<Record<string, string>> = {}, ...options: readonly string[]) {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/doctor.ts', ...options], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', ENV_PATH: '/dev/null', ...app.variables, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  assertCleanLog(output, [
    ...secretsOfTests,
    ...Object.values(keys),
    'sk-wrong-doctor',
    openai.apiKey,
    prompt,
  ]);
  return { code, lines: output.trimEnd().split('\n') };
}

const wrong = 'Wrong-Passw0rd-1';
/** Returns how often the wrong password was tried. Logins of the server have the right one. */
const wrongTries = () =>
  requestsTo(app.dify, '/login').filter(({ body }) => isRecord(body) && body['password'] === wrong).length;

const line = (start: string, end = '') => expect.stringMatching(new RegExp(`^${start}.*${end}$`, 'u'));

describe('npm run doctor', () => {
  it('finds nothing wrong with upstreams that work', async () => {
    await createCharacter('Ada', {});
    await createCharacter('Lea', { upstream: 'openai' });
    await createCharacter('Kim', { upstream: 'dify-console', upstream_app_id: appIdOf(app.dify, keys.chat) });
    const before = app.dify.requests.length;
    expect(await runDoctor()).toEqual({
      code: 0,
      lines: [
        line('ok     dify {2,}the default, for "Ada"'),
        line('ok     openai {2,}for "Lea"'),
        line('ok     dify-console:[0-9a-f-]{36}  for "Kim"'),
      ],
    });
    const asked = app.dify.requests
      .slice(before)
      .map(({ method, path }) => `${method} ${path.split('?')[0]}`);
    expect(asked.filter((request) => request.includes('chat-messages'))).toEqual([]);
  });

  it('says for each upstream what is wrong and what to do, and names its characters', async () => {
    const [short = '', workflow = '', refused = ''] = sealed;
    await createCharacter('Tom', { upstream: 'dify', upstream_key: short }, prompt);
    await createCharacter('Eve', { upstream: 'dify', upstream_app_id: 'eve', upstream_key: workflow });
    await createCharacter('Bob', { upstream: 'dify', upstream_key: 'v1:00:00:00' });
    await createCharacter('Kit', { upstream: 'dify-console', upstream_app_id: unknownApp });
    await createCharacter('Zoe', { upstream: 'openai', model: 'unknown-model' });
    await createCharacter('Max', { upstream: 'openai', upstream_key: refused });
    await createCharacter('Ann', { upstream: 'openai', upstream_key: refused });
    const { code, lines } = await runDoctor();
    expect(code).toBe(1);
    expect(lines).toEqual([
      line('ok     dify {2,}the default, for "Ada"'),
      line('ok     openai {2,}for "Lea"'),
      line('ok     dify-console:[0-9a-f-]{36}  for "Kim"'),
      line('wrong  dify:key-[0-9a-f]{16} {2,}for "Tom"'),
      line('wrong  dify:eve {2,}for "Eve"'),
      line('wrong  dify {2,}for "Bob"'),
      line(`wrong  dify-console:${unknownApp}  for "Kit"`),
      line('wrong  openai unknown-model {2,}for "Zoe"'),
      line('wrong  openai:key-[0-9a-f]{16} {2,}for "Max", "Ann"'),
      '',
      line('dify:key-', `takes 48 characters.*maximum length to at least ${prompt.length}\\.`),
      '',
      line('dify:eve: The Dify app does not chat'),
      '',
      line('dify: ', "The character's API key cannot be decrypted.*Type the key into the character again\\."),
      '',
      line(`dify-console:${unknownApp}: Dify's console has no app`),
      '',
      line('openai unknown-model: The server does not list the model "unknown-model"'),
      '',
      line('openai:key-.*: The server of the model refuses the API key'),
    ]);
  });

  it('logs in to the console once, and warns that Dify locks accounts', async () => {
    const { code, lines } = await runDoctor({ DIFY_CONSOLE_PASSWORD: wrong });
    expect(code).toBe(1);
    expect(lines).toContainEqual(
      line('dify-console:.*: Dify refused the login', 'locks an account after five refused logins\\.'),
    );
    expect(wrongTries()).toBe(1);
  });

  it('does not repeat a refused login, unless --retry-login says so', async () => {
    const env = { DIFY_CONSOLE_PASSWORD: wrong };
    const refused = line('dify-console:.*: Dify refused the login', '--retry-login.*');
    expect((await runDoctor(env)).lines).toContainEqual(refused);
    expect(wrongTries()).toBe(1);
    expect((await runDoctor(env, '--retry-login')).lines).toContainEqual(refused);
    expect(wrongTries()).toBe(2);
    expect((await runDoctor({}, '--retry-login')).lines).toContainEqual(
      line('ok     dify-console:[0-9a-f-]{36}  for "Kim"'),
    );
  });

  it('checks the upstreams of the settings if it cannot read the database', async () => {
    const { code, lines } = await runDoctor({
      DATABASE_CLIENT: 'sqlite',
      DATABASE_FILENAME: '/nowhere/data.db',
    });
    expect([code, ...lines]).toEqual([
      1,
      line('ok     dify {2,}the default'),
      line('ok     openai'),
      '',
      line('The database cannot be read', 'which creates the tables\\.'),
    ]);
  });

  it('logs in to the console before the first start of a server, and creates no file', async () => {
    const file = path.join(tmpdir(), `doctor-${process.pid}.db`);
    const { lines } = await runDoctor({
      DATABASE_CLIENT: 'sqlite',
      DATABASE_FILENAME: file,
      DIFY_CONSOLE_APP_ID: appIdOf(app.dify, keys.chat),
    });
    expect(lines).toContainEqual(line('ok     dify-console:'));
    expect(existsSync(file)).toBe(false);
  });

  it('does not log in to the console if the database is down', async () => {
    const before = app.dify.requests.length;
    const { code, lines } = await runDoctor({
      DATABASE_CLIENT: 'postgres',
      DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
      DIFY_CONSOLE_APP_ID: appIdOf(app.dify, keys.chat),
    });
    expect(code).toBe(1);
    expect(lines).toContainEqual(
      line('dify-console:.*: The database cannot be read or written, so nobody logs in'),
    );
    expect(app.dify.requests.slice(before).filter(({ path: to }) => to.includes('/login'))).toEqual([]);
  });

  it('ends with 2 for an unknown option, and explains its options', async () => {
    const { code, lines } = await runDoctor({}, '--retry');
    expect([code, lines[0]]).toEqual([2, expect.stringContaining("'--retry'")]);
    expect(lines).toContainEqual(line('  --retry-login  logs in to the console of Dify'));
  });

  it('ends with 2 for settings with which the server does not start', async () => {
    const { code, lines } = await runDoctor({ DIFY_API_KEY: '', DATABASE_CLIENT: 'oracle' });
    expect(code).toBe(2);
    expect(lines[0]).toBe('The settings are not complete:');
    expect(await runDoctor({ DIFY_API_KEY: '' })).toEqual({
      code: 2,
      lines: ['The settings are not complete:', line('  - DIFY_API_KEY is missing')],
    });
  });
});

describe('a server with these characters', () => {
  it('logs the same after its start, and stays ready', async () => {
    await app.killAndRestart();
    const ready = async () => (await app.anonymous.get('/api/chat/ready')).body.data;
    expect(await holdsWithin(20_000, async () => (await ready()).upstream.problem !== null)).toBe(true);
    for (const names of ['"Tom"', '"Eve"', '"Bob"', '"Kit"', '"Zoe"', '"Max", "Ann"']) {
      const logged = new RegExp(`is not set up\\..* It answers for ${names}\\.`, 'u');
      expect(await holdsWithin(20_000, () => logged.test(app.output()))).toBe(true);
    }
    expect((await ready()).status).toBe('ready');
    expect(app.output()).not.toContain('It answers for "Ada"');
  });
});
