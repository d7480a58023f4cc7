#!/usr/bin/env tsx
import type { ChatSettings } from '../src/chat';
import { createReadPublished } from '../src/database/characters/published';
import { createUpstreams } from '../src/upstream/upstreams';
import { readApplication, UnusableSettings } from './doctor/application';
import { examine } from './doctor/examine';
import { isHealthy, toLines } from './doctor/lines';
import { openLoginAttempts, type OpenLoginAttempts } from './doctor/login-attempts';
import { NoRun, parseOptions } from './doctor/options';
import { openMainDatabase } from './main-database';

/** Checks the upstreams. The exit code is 0 if all is well, 1 if something is wrong, and 2 for unusable settings. */
async function main(): Promise<number> {
  try {
    const { retriesLogin } = parseOptions(process.argv.slice(2));
    const { settings, database, secret, unseal } = readApplication();
    // No check needs the key of an earlier turn.
    const keys = { save: async () => undefined, find: async () => null, findPublished: async () => null };
    const logins = openLoginAttempts(database, secret);
    if (retriesLogin) await forgetLogin(settings, logins);
    const upstreams = createUpstreams({ settings, keys, logins, unseal, warn: () => undefined });
    const connection = openMainDatabase(database);
    const report = await examine(upstreams, createReadPublished({ connection }));
    await Promise.all([connection.destroy(), logins.close()]);
    for (const line of toLines(report)) process.stdout.write(`${line}\n`);
    return isHealthy(report) ? 0 : 1;
  } catch (error) {
    if (error instanceof NoRun) return print(error.message, error.exitCode);
    if (error instanceof UnusableSettings) return print(error.message, 2);
    throw error;
  }
}

/** If the database cannot be written, the report says so: nobody logs in then. */
async function forgetLogin({ console }: ChatSettings, logins: OpenLoginAttempts): Promise<void> {
  const { url, email, password } = console;
  if (url === null || email === null || password === null) return;
  await logins.forget({ url, email, password }).catch(() => undefined);
}

function print(message: string, exitCode: number): number {
  const stream = exitCode === 0 ? process.stdout : process.stderr;
  stream.write(`${message.trimEnd()}\n`);
  return exitCode;
}

void main().then((code) => {
  process.exitCode = code;
});
