import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

import type { Knex } from 'knex';

import { createDifyEmulator, type DifyEmulator } from '../dify-emulator';
import { createAdmin, password } from '../support/admin';
import { baseEnv } from '../support/app';
import { hostVariable, startAppProcess, type AppProcess } from '../support/app-process';
import { createClient, type Client } from '../support/client';
import { copyTemplate, createDatabase, type TestDatabase } from '../support/database';
import { freePort } from '../support/free-port';
import { hostCommand } from '../support/host/make-host';
import { refresh } from '../support/login';

// Each test starts processes.
jest.setTimeout(120_000);

const tables = ['ai_characters', 'chat_sessions', 'chat_conversations'];
const uids = tables.map((table) => {
  const name = table.replace('_', '-').replace(/s$/u, '');
  return `api::${name}.${name}`;
});

const application = null;
const host = () => process.env[hostVariable] ?? '';

let dify: DifyEmulator;
let running: AppProcess | undefined;
let url: string;

beforeAll(async () => {
  dify = await createDifyEmulator().listen();
});

afterEach(async () => {
  await running?.end('SIGTERM');
  running = undefined;
});

afterAll(() => dify.close());

/** Starts a form on a database, after the end of the last one. */
async function start(form: string | null, database: TestDatabase): Promise<void> {
  await running?.end('SIGTERM');
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  const env = { DIFY_API_URL: dify.url, DIFY_API_KEY: dify.apiKey, PORT: String(port), TZ: 'UTC' };
  running = await startAppProcess({ ...baseEnv, ...database.env, ...env }, undefined, form);
}

async function readSchema(connection: Knex): Promise<unknown> {
  const { value } = (await connection('strapi_core_store_settings')
    .where({ key: 'strapi_content_types_schema' })
    .first('value')) as { value: string };
  const all = JSON.parse(value) as Record<string, { attributes: object }>;
  return {
    attributes: uids.map((uid) => [uid, all[uid]?.attributes]),
    columns: await Promise.all(tables.map(async (table) => [table, await connection(table).columnInfo()])),
    indexes: await readIndexes(connection),
  };
}

async function readIndexes(connection: Knex): Promise<readonly unknown[]> {
  const isSqlite = connection.client.config.client === 'better-sqlite3';
  const query = isSqlite
    ? connection('sqlite_master').where({ type: 'index' }).whereIn('tbl_name', tables).select('name', 'sql')
    : connection('pg_indexes').whereIn('tablename', tables).select({ name: 'indexname', sql: 'indexdef' });
  return (await query.orderBy('name')) as readonly unknown[];
}

describe('the application and the plugin', () => {
  it('have the same attributes, columns and indexes', async () => {
    const schemas: unknown[] = [];
    for (const form of [application, host()]) {
      const database = await createDatabase();
      await start(form, database);
      const connection = database.connect();
      schemas.push(await readSchema(connection));
      await connection.destroy();
      await running?.end('SIGTERM');
      running = undefined;
      await database.drop();
    }
    expect(schemas[1]).toEqual(schemas[0]);
  });

  it('open the database of each other with every row and login', async () => {
    const database = await createDatabase();
    await start(application, database);
    const admin = await createAdmin(url);
    const { documentId } = await admin.createCharacter({ name: 'Ada', prompt: 'You are Ada.' });
    const account = { username: 'user', email: 'user@example.com', password };
    const { body } = await createClient(url).post('/api/auth/local/register', account);
    expect((await userAt(body.jwt).ask({ character_id: documentId, query: 'First?' })).status).toBe(200);
    const before = (await userAt(body.jwt).myList()).body.data;

    await start(host(), database);
    expect((await userAt(body.jwt).myList()).body.data).toEqual(before);
    const renewed = await refresh(url, body.refreshToken);
    expect(renewed.status).toBe(200);
    expect((await userAt(body.jwt).ask({ character_id: documentId, query: 'Second?' })).status).toBe(200);
    const login = await createClient(url).post('/api/auth/local', { identifier: 'user', password });
    const inHost = (await userAt(login.body.jwt).myList()).body.data;
    expect(inHost).toHaveLength(4);

    await start(application, database);
    for (const jwt of [login.body.jwt, renewed.body.jwt]) {
      expect((await userAt(jwt).myList()).body.data).toEqual(inHost);
    }
    expect((await refresh(url, login.body.refreshToken)).status).toBe(200);
    await running?.end('SIGTERM');
    running = undefined;
    await database.drop();
  });
});

describe('a command of the plugin', () => {
  let database: TestDatabase;
  const env = () => ({ ...baseEnv, ...database.env, DIFY_API_URL: dify.url, DIFY_API_KEY: dify.apiKey });

  beforeAll(async () => {
    database = await copyTemplate();
  });

  afterAll(() => database.drop());

  it('checks the upstream of the host', async () => {
    const { code, output } = await runCommand('doctor', [], env());
    expect([code, output]).toEqual([0, expect.stringMatching(/^ok +dify/u) as string]);
  });

  it.each(['doctor', 'history'])('names itself in its usage: %s', async (name) => {
    const { code, output } = await runCommand(name, ['--help'], env());
    expect([code, output.split('\n')[0]]).toEqual([
      0,
      expect.stringContaining(`Usage: npx character-chat-${name} `) as string,
    ]);
  });

  it('says that the host has no history yet', async () => {
    const { code, output } = await runCommand('history', ['size'], env());
    expect([code, output]).toEqual([1, expect.stringContaining('a database without a history') as string]);
  });
});

/** Runs a command in the folder of the host, as npx does. */
async function runCommand(name: string, args: readonly string[], env: Readonly<Record<string, string>>) {
  const { cwd, env: variables } = hostCommand(host(), env);
  const file = path.join(
    cwd,
    'node_modules',
    'strapi-plugin-character-chat',
    'dist',
    'scripts',
    'plugin',
    `${name}.js`,
  );
  const child = spawn(process.execPath, [file, ...args], { cwd, env: variables });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

const userAt = (jwt: string): Client => createClient(url, jwt);
