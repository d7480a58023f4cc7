import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { readEnvFile } from '../../scripts/env-file';
import { describeSecrets, ensureSecrets, secretNames } from '../../scripts/secrets';
import { findSecretProblems, findSecretWarnings } from '../../src/strapi/startup/secrets';

const root = path.resolve(__dirname, '..', '..');
let folder: string;
let envFile: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-secrets-'));
  envFile = path.join(folder, '.env');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('ensureSecrets', () => {
  it('writes every secret into a new file with mode 600', () => {
    const { written } = ensureSecrets({ envFile, environment: {} });

    expect(written).toEqual(secretNames);
    expect(statSync(envFile).mode & 0o777).toBe(0o600);
    const variables = readEnvFile(envFile);
    expect(Object.keys(variables).sort()).toEqual([...secretNames].sort());
    for (const name of secretNames) {
      const keys = (variables[name] ?? '').split(',');
      expect(keys).toHaveLength(name === 'APP_KEYS' ? 2 : 1);
      for (const key of keys) expect(Buffer.from(key, 'base64url')).toHaveLength(32);
    }
    expect(new Set(Object.values(variables)).size).toBe(secretNames.length);
  });

  it('changes nothing in a second run', () => {
    ensureSecrets({ envFile, environment: {} });
    const before = readFileSync(envFile, 'utf8');

    const report = ensureSecrets({ envFile, environment: {} });

    expect(report).toEqual({ written: [], hidden: [] });
    expect(readFileSync(envFile, 'utf8')).toBe(before);
  });

  it('keeps existing lines, and completes a last line without line break', () => {
    const lines = '# mine\nPORT = 4000\n\nJWT_SECRET="kept # as it is"\nDIFY_API_KEY=app-1';
    writeFileSync(envFile, lines);

    const { written } = ensureSecrets({ envFile, environment: {} });

    expect(written).not.toContain('JWT_SECRET');
    expect(readFileSync(envFile, 'utf8').startsWith(`${lines}\nAPP_KEYS=`)).toBe(true);
  });

  it('replaces empty values and placeholders in their lines', () => {
    writeFileSync(
      envFile,
      'A=1\r\nAPP_KEYS="toBeModified1,toBeModified2"\r\nJWT_SECRET=\r\n  API_TOKEN_SALT = tobemodified # soon\r\nB=2\r\n',
    );

    ensureSecrets({ envFile, environment: {} });

    const lines = readFileSync(envFile, 'utf8').split('\r\n');
    expect(lines.slice(0, 5)).toEqual([
      'A=1',
      expect.stringMatching(/^APP_KEYS=[\w-]{43},[\w-]{43}$/u),
      expect.stringMatching(/^JWT_SECRET=[\w-]{43}$/u),
      expect.stringMatching(/^API_TOKEN_SALT=[\w-]{43}$/u),
      'B=2',
    ]);
  });

  it('replaces the last of several lines for one secret, because it takes effect', () => {
    writeFileSync(envFile, 'JWT_SECRET=one\nJWT_SECRET=\n');

    ensureSecrets({ envFile, environment: {} });

    expect(readFileSync(envFile, 'utf8')).toMatch(/^JWT_SECRET=one\nJWT_SECRET=[\w-]{43}\n/u);
  });

  it('does not write secrets that the environment sets', () => {
    const environment = Object.fromEntries(secretNames.map((name) => [name, 'long-and-random']));

    const { written } = ensureSecrets({ envFile, environment: { ...environment, JWT_SECRET: undefined } });

    expect(written).toEqual(['JWT_SECRET']);
    expect(Object.keys(readEnvFile(envFile))).toEqual(['JWT_SECRET']);
  });

  it('reports environment variables that override written secrets', () => {
    const report = ensureSecrets({ envFile, environment: { JWT_SECRET: '', APP_KEYS: 'change-me' } });

    expect(report.hidden).toEqual(['APP_KEYS', 'JWT_SECRET']);
    expect(describeSecrets(report, envFile).at(-1)).toMatch(/shell sets APP_KEYS, JWT_SECRET/u);
  });

  it('replaces every value that the start refuses, and writes values that it accepts', () => {
    for (const value of [
      '',
      'tobemodified',
      'To-Be-Modified2',
      'changeme',
      'change-me1',
      'your-salt',
      'secret',
    ]) {
      writeFileSync(envFile, secretNames.map((name) => `${name}=${value}\n`).join(''));
      const optional = value === '' ? ['TRANSFER_TOKEN_SALT', 'ENCRYPTION_KEY'] : [];
      expect(problemsAtStart()).toHaveLength(secretNames.length - optional.length);
      expect(warningsAtStart().map((warning) => warning.split(' ')[0])).toEqual(optional);

      ensureSecrets({ envFile, environment: {} });

      expect(problemsAtStart()).toEqual([]);
    }
  });
});

describe('npm run secrets', () => {
  it('prints the names of the written secrets and no value', async () => {
    const { code, output } = await runSecrets({ ENV_PATH: envFile });

    expect(code).toBe(0);
    const variables = readEnvFile(envFile);
    for (const name of secretNames) {
      expect(output).toContain(name);
      for (const key of (variables[name] ?? '').split(',')) expect(output).not.toContain(key);
    }
  });

  it('fails in production', async () => {
    const { code, output } = await runSecrets({ ENV_PATH: envFile, NODE_ENV: 'production' });

    expect(code).toBe(1);
    expect(output).toContain('In production');
    expect(() => statSync(envFile)).toThrow('ENOENT');
  });
});

const problemsAtStart = () => findSecretProblems(strapiWithFile());
const warningsAtStart = () => findSecretWarnings(strapiWithFile());

/** Returns the part of Strapi that these checks use, as it is when Strapi starts with this file. */
function strapiWithFile(): Parameters<typeof findSecretProblems>[0] {
  const variables = readEnvFile(envFile);
  const names: Readonly<Record<string, string>> = {
    'server.app.keys': 'APP_KEYS',
    'admin.auth.secret': 'ADMIN_JWT_SECRET',
    'admin.apiToken.salt': 'API_TOKEN_SALT',
    'admin.transfer.token.salt': 'TRANSFER_TOKEN_SALT',
    'admin.secrets.encryptionKey': 'ENCRYPTION_KEY',
    'plugin::users-permissions.jwtSecret': 'JWT_SECRET',
  };
  const config = { get: (key: string) => variables[names[key] ?? '']?.split(',') };
  return { config } as unknown as Parameters<typeof findSecretProblems>[0];
}

async function runSecrets(
  environment: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> {
  const none = Object.fromEntries(secretNames.map((name) => [name, undefined]));
  const args = [path.join(root, 'node_modules/tsx/dist/cli.mjs'), path.join(root, 'scripts/secrets.ts')];
  const env = { ...process.env, ...none, ...environment };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: folder, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}
