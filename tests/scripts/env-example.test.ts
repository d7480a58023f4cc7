import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';

import { env as strapiEnv } from '@strapi/utils';

import { secretNames } from '../../scripts/secrets';
import { historyStoreSettingNames, parseHistoryStoreSettings } from '../../src/history/settings';
import { mailVariableNames } from '../../src/env/mail-settings';
import { otherNames, parseChatSettings, settingNames } from '../../src/chat/settings';

const root = path.resolve(__dirname, '..', '..');
const configFolder = path.join(root, 'config');
const configFiles = readdirSync(configFolder).filter((file) => file.endsWith('.ts'));

/** A line is `NAME=value`, or `# NAME=default` for an optional variable. */
const lines = readFileSync(path.join(root, '.env.example'), 'utf8')
  .split('\n')
  .map((line) => line.replace(/^# (?=[A-Z][A-Z0-9_]*=)/u, ''))
  .filter((line) => /^[A-Z][A-Z0-9_]*=/u.test(line));
const names = lines.map((line) => line.slice(0, line.indexOf('=')));
const defaults = Object.entries(parseEnv(lines.join('\n'))).filter(([, value]) => value !== '');

describe('.env.example', () => {
  it('lists each variable once', () => {
    expect([...new Set(names)]).toEqual(names);
  });

  it('lists exactly the variables that the configuration, the settings, the secrets and Strapi read', () => {
    const read = new Set([
      ...configFiles.flatMap(variablesIn),
      ...mailVariableNames,
      ...settingNames,
      ...Object.values(otherNames),
      ...historyStoreSettingNames,
      ...secretNames,
    ]);

    expect([...names].sort()).toEqual([...read].sort());
  });

  it('lists every secret of npm run secrets, without a value', () => {
    expect(lines).toEqual(expect.arrayContaining(secretNames.map((name) => `${name}=`)));
  });

  it('states the defaults of the chat settings', () => {
    const required = { DIFY_API_URL: 'https://dify.example/v1', DIFY_API_KEY: 'app-1' };

    expect(parseChatSettings({ ...Object.fromEntries(defaults), ...required })).toEqual(
      parseChatSettings(required),
    );
  });

  it('states the defaults of the history store settings', () => {
    const beside = {
      folder: '/app',
      mainDatabase: { client: 'sqlite', connection: { filename: '/app/data.db' } },
    };

    expect(parseHistoryStoreSettings({ ...Object.fromEntries(defaults), ...beside })).toEqual(
      parseHistoryStoreSettings(beside),
    );
  });

  /** These files only pass variables on. The tests above compare the settings. */
  const unchecked = ['chat.ts', 'history.ts'];

  it.each(configFiles.filter((file) => !unchecked.includes(file)))(
    'states the defaults of config/%s',
    (file) => {
      for (const client of ['sqlite', 'postgres']) {
        const unset = withEnvironment({ DATABASE_CLIENT: client }, () => load(file));
        const asInExample = withEnvironment(
          { ...Object.fromEntries(defaults), DATABASE_CLIENT: client },
          () => load(file),
        );
        expect(asInExample).toEqual(unset);
      }
    },
  );
});

function variablesIn(file: string): string[] {
  const source = readFileSync(path.join(configFolder, file), 'utf8');
  const names = /\benv(?:\.\w+)?\(\s*'([A-Z0-9_]+)'|\b([A-Z][A-Z0-9_]+): /gu;
  return [...source.matchAll(names)].map(([, one, other]) => one ?? other ?? '');
}

type Config = object | ((params: { env: typeof strapiEnv }) => object);

/** Returns the configuration as plain data, without functions. */
function load(file: string): unknown {
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { default: config } = require(path.join(configFolder, file)) as { default: Config };
  return JSON.parse(JSON.stringify(typeof config === 'function' ? config({ env: strapiEnv }) : config));
}

/** Runs `run` with these variables and without all other variables of .env.example. */
function withEnvironment<T>(variables: Readonly<Record<string, string>>, run: () => T): T {
  const before = { ...process.env };
  for (const name of names) delete process.env[name];
  Object.assign(process.env, variables);
  try {
    return run();
  } finally {
    process.env = before;
  }
}
