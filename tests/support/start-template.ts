import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { createAdmin } from './admin';
import { baseEnv } from './app';
import { startAppProcess } from './app-process';
import { createDatabase, templateVariable, type TestDatabase } from './database';
import { documentVariable } from './documented-replies';
import { freePort } from './free-port';
import { moduleCacheVariable } from './start-args';

/**
 * Starts the application once on an empty database. `copyTemplate` copies what it leaves.
 * @param host the folder of the host to start, or null for the application itself.
 */
export async function startTemplate(
  kind: 'sqlite' | 'postgres',
  host: string | null = null,
): Promise<TestDatabase> {
  process.env[moduleCacheVariable] ??= createTemporaryFile('modules');
  const database = await createDatabase(kind);
  const port = await freePort();
  const dify = { DIFY_API_URL: 'http://127.0.0.1:9/v1', DIFY_API_KEY: 'app-none' };
  const env = { ...baseEnv, ...database.env, ...dify, PORT: String(port) };
  const app = await startAppProcess(env, undefined, host);
  await createAdmin(`http://127.0.0.1:${port}`);
  process.env[documentVariable] ??= await saveDocument(`http://127.0.0.1:${port}`);
  await app.end('SIGTERM');
  process.env[templateVariable(kind, host !== null)] = nameOf(database);
  return database;
}

function nameOf({ env }: TestDatabase): string {
  const { DATABASE_FILENAME: file, DATABASE_URL: url = '' } = env;
  return file ?? new URL(url).pathname.slice(1);
}

/** Saves the OpenAPI document of the application. `documented-replies.ts` compares replies with it. */
async function saveDocument(url: string): Promise<string> {
  const response = await fetch(`${url}/api/openapi.json`);
  const file = createTemporaryFile('openapi.json');
  writeFileSync(file, await response.text());
  return file;
}

/** Returns the path of a new file in a folder that is deleted when the test run ends. */
function createTemporaryFile(name: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'chat-tests-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  return path.join(folder, name);
}
