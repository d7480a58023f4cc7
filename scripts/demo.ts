import { mkdirSync } from 'node:fs';
import path from 'node:path';

import { logInAdmin, logInUser, readAccounts, type Accounts } from './demo/accounts';
import { AnswerError, ask } from './demo/ask';
import { buildWhatIsStale } from './demo/build';
import { demoCharacters } from './demo/characters';
import { startDify } from './demo/dify';
import { createApi, type Api } from './demo/http';
import { fired, listenForInterruption, type Interruption } from './demo/interruption';
import { parseOptions, usage, type Options } from './demo/options';
import { assertFree, choosePort, host } from './demo/port';
import { bold, DemoError, dim, red, say, tick, withProgress } from './demo/screen';
import { findCharacter, seedCharacters } from './demo/seed';
import { startStrapi, type StrapiProcess } from './demo/strapi-process';
import { toStrapiVariables } from './demo/strapi-variables';
import { writeShellVariables, type ShellVariables } from './demo/shell-variables';
import { printSummary } from './demo/summary';
import { envFile, readEnvFile, type Variables } from './env-file';
import { describeSecrets, ensureSecrets } from './secrets';

/** Functions that end what was started, in the order of the starts. They run in reverse order. */
type Closers = (() => Promise<void>)[];

async function main(): Promise<void> {
  process.chdir(path.resolve(__dirname, '..'));
  const interruption = listenForInterruption();
  const closers: Closers = [];
  try {
    const options = parseOptions();
    if (options === null) say(usage.trimEnd());
    else await run(options, interruption, closers);
  } catch (error) {
    if (!interruption.signal.aborted) {
      report(error);
      process.exitCode = 1;
    }
  } finally {
    if (interruption.signal.aborted) say(dim('\nEnding …'));
    for (const close of closers.reverse()) await close();
  }
}

async function run(options: Options, interruption: Interruption, closers: Closers): Promise<void> {
  const { signal } = interruption;
  if (process.env['NODE_ENV'] === 'production') {
    throw new DemoError(
      'The demo does not run in production (NODE_ENV=production). Use npm run build and npm start.',
    );
  }
  for (const line of describeSecrets(ensureSecrets({ envFile, environment: process.env }), envFile))
    tick(line);
  const variables = readVariables();
  const port = choosePort(variables);
  await assertFree(port);
  await buildWhatIsStale(signal);

  const dify = await startDify(variables);
  closers.push(dify.close);
  tick(`Answers come from the ${dify.description}`);

  const strapi = await start(options, { port, difyVariables: dify.variables, interruption, closers });
  const api = createApi(`http://${host}:${port}`, signal);
  const accounts = readAccounts(path.join(options.folder, 'demo.json'));
  const used = await useIt(api, accounts).catch((error: unknown) => {
    // The reply is for users and does not contain the cause. The log does.
    throw error instanceof AnswerError ? new DemoError(`${error.message}\n\n${strapi.logTail()}`) : error;
  });
  const shellFile = path.join(options.folder, 'demo.env');
  writeShellVariables(shellFile, used);
  printSummary({ url: used.url, accounts, shellFile, logFile: logFileIn(options.folder) });
  if (options.once) return;

  say(`${bold('Running.')} Press Ctrl-C to end.`);
  await Promise.race([fired(signal), strapi.ended]);
  if (!signal.aborted) throw new DemoError(`Strapi ended by itself.\n\n${strapi.logTail()}`);
}

interface StartOptions {
  readonly port: number;
  readonly difyVariables: Variables;
  readonly interruption: Interruption;
  readonly closers: Closers;
}

async function start(
  { folder }: Options,
  { port, difyVariables, interruption, closers }: StartOptions,
): Promise<StrapiProcess> {
  mkdirSync(folder, { recursive: true });
  await assertFree(port);
  const strapi = startStrapi({
    url: `http://${host}:${port}`,
    logFile: logFileIn(folder),
    variables: { ...toStrapiVariables({ host, port, folder }), ...difyVariables },
  });
  interruption.onSecond(strapi.kill);
  closers.push(strapi.stop);
  await withProgress('Starting Strapi …', 'Started Strapi', () => strapi.healthy(interruption.signal));
  return strapi;
}

/** Creates missing characters and accounts, and asks one question as an application would. */
async function useIt(api: Api, accounts: Accounts): Promise<ShellVariables> {
  const adminToken = await logInAdmin(api, accounts.admin);
  const created = await seedCharacters(api, adminToken, demoCharacters);
  const jwt = await logInUser(api, accounts.user);
  const character = await findCharacter(api, jwt, demoCharacters);
  const query = character.question;
  tick(
    created > 0
      ? `Created ${created} AI characters, an admin and a user`
      : 'Characters and accounts already exist',
  );

  say(`\n${bold(`You → ${character.name}`)}  ${query}`);
  process.stdout.write(bold(`${character.name}  `));
  for await (const text of ask(api, { token: jwt, characterId: character.documentId, query })) {
    process.stdout.write(text);
  }
  say();
  return { url: api.url, jwt, characterId: character.documentId };
}

/** Returns the variables as Strapi reads them: the environment overrides the file, even with an empty value. */
function readVariables(): Variables {
  return { ...readEnvFile(envFile), ...process.env } as Variables;
}

function logFileIn(folder: string): string {
  return path.join(folder, 'demo.log');
}

function report(error: unknown): void {
  const isExpected = error instanceof DemoError;
  const text = isExpected
    ? error.message
    : error instanceof Error
      ? (error.stack ?? error.message)
      : String(error);
  process.stderr.write(`\n${red('✗')} ${text}\n`);
}

void main();
