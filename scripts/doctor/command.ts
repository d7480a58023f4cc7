import type { ChatSettings } from '../../src/chat';
import { createReadPublished } from '../../src/database/characters/published';
import { createUpstreams } from '../../src/upstream/upstreams';
import { openMainDatabase } from '../main-database';
import { UnusableSettings, type Application } from './application';
import { examine } from './examine';
import { isHealthy, toLines } from './lines';
import { openLoginAttempts, type OpenLoginAttempts } from './login-attempts';
import { NoRun, parseOptions } from './options';

/**
 * Checks the upstreams. The exit code is 0 if all is well, 1 if something is wrong, and 2 for unusable settings.
 * @param calledAs the start of the command line, for the usage.
 */
export async function runDoctor(readApplication: () => Application, calledAs: string): Promise<void> {
  process.exitCode = await check(readApplication, calledAs);
}

async function check(readApplication: () => Application, calledAs: string): Promise<number> {
  try {
    const { retriesLogin } = parseOptions(process.argv.slice(2), calledAs);
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
