import { once } from 'node:events';

import { baseEnv, secretsOfTests, startApp, type App } from '../support/app';
import { spawnStrapi } from '../support/app-process';
import { assertCleanLog, canaries } from '../support/canaries';
import { createDatabase } from '../support/database';

/** Starts the application, which must refuse to start. @returns its exit code and output. */
async function refusal(env: Readonly<Record<string, string>>) {
  const database = await createDatabase();
  let output = '';
  const child = spawnStrapi({ ...baseEnv, ...database.env, PORT: '0', ...env }, (text) => (output += text));
  const deadline = setTimeout(() => child.kill('SIGKILL'), 30_000);
  const [code] = (await once(child, 'close')) as [number | null];
  clearTimeout(deadline);
  await database.drop();
  assertCleanLog(output, secretsOfTests);
  return { code, output };
}

const secret = 'Set it to a long random text, e.g. with "npm run secrets".';
const dify = { DIFY_API_URL: 'http://127.0.0.1:1', DIFY_API_KEY: 'app-x' };

describe('a start in production mode', () => {
  it('with an invalid Dify key reports the error without the key', async () => {
    const { code, output } = await refusal({ ...dify, DIFY_API_KEY: `app ${canaries.key}` });
    expect(code).not.toBe(0);
    expect(output).toContain('- DIFY_API_KEY must be one word of printable ASCII');
  });

  it('without settings lists all missing and invalid variables together', async () => {
    const { code, output } = await refusal({
      APP_KEYS: '',
      ADMIN_JWT_SECRET: 'tobemodified',
      API_TOKEN_SALT: '',
      JWT_SECRET: '',
      CHAT_MAX_QUERY_CHARS: 'many',
      CHAT_EXPOSE_PROMPT: 'perhaps',
    });
    expect(code).not.toBe(0);
    for (const name of ['APP_KEYS', 'API_TOKEN_SALT', 'JWT_SECRET', 'DIFY_API_URL', 'DIFY_API_KEY']) {
      expect(output).toContain(`- ${name} is missing.`);
    }
    expect(output).toContain('DIFY_API_KEY is missing. Set it to the API key of your Dify app');
    expect(output).not.toContain('    at ');
    expect(output).toContain('- ADMIN_JWT_SECRET is still a placeholder.');
    expect(output).toContain('- CHAT_MAX_QUERY_CHARS must be a whole number.');
    expect(output).toContain('- CHAT_EXPOSE_PROMPT must be true or false.');
    expect(output.match(/The settings are not complete/gu)).toHaveLength(1);
  });
});

it('a start with a MySQL address as SQL_DSN ends with one sentence', async () => {
  const { code, output } = await refusal({ ...dify, SQL_DSN: 'root:123456@tcp(localhost:3306)/oneapi' });
  expect(code).toBe(1);
  expect(output).toMatch(
    /^The settings are not complete:\n {2}- SQL_DSN is the address of a MySQL [^\n]+\.\n$/u,
  );
  expect(output).not.toContain('123456');
});

/** @returns the status and the named fields of a save with an API key, then the status and the key of one without. */
async function saveKeyWithoutEncryption({ admin }: App): Promise<unknown[]> {
  const { documentId } = await admin.createDraft({ name: 'Lin' });
  const path = `/content-manager/collection-types/api::ai-character.ai-character/${documentId}`;
  const save = (body: object) => admin.client.request('PUT', path, { body });
  const refused = await save({ upstream: 'dify', upstream_key: canaries.characterKey });
  expect(refused.body.error.message).toBe(
    'The server cannot encrypt an API key without ENCRYPTION_KEY. ' +
      'Set ENCRYPTION_KEY, e.g. with "npm run secrets", and restart the server.',
  );
  const fields = refused.body.error.details.errors.map((error: { path: unknown }) => error.path);
  const saved = await save({ name: 'Eve', upstream: 'openai', model: 'small', upstream_key: null });
  return [refused.status, fields, saved.status, saved.body.data.upstream_key];
}

/** Expects that the application accepts the cookies of these origins only. */
async function expectCookiesOf(app: App, named: readonly string[]): Promise<void> {
  for (const origin of ['https://app.example', 'https://evil.example']) {
    const { headers } = await app.anonymous.request('GET', '/api/chat/ready', {
      headers: { Origin: origin },
    });
    const isAllowed = Boolean(headers.get('access-control-allow-origin'));
    const hasCookies = headers.get('access-control-allow-credentials') === 'true';
    expect([origin, isAllowed && hasCookies]).toEqual([origin, named.includes(origin)]);
  }
}

it('the application starts with the example environment of the contract, and warns of what is missing', async () => {
  const app = await startApp({
    env: {
      DIFY_API_URL: '',
      DIFY_API_KEY: '',
      TRANSFER_TOKEN_SALT: '',
      ENCRYPTION_KEY: '',
      CORS_ORIGINS: '*,https://app.example',
    },
    difyEnv: ({ url, apiKey }) => ({ DIFFBOT_API_URL: `${url}/v1/`, DIFFBOT_API_KEY: apiKey }),
  });
  try {
    const user = await app.createUser();
    const { documentId } = await app.admin.createCharacter();
    expect((await user.ask({ character_id: documentId, query: 'Hi' })).status).toBe(200);
    expect(await saveKeyWithoutEncryption(app)).toEqual([400, [['upstream_key']], 200, null]);
    const output = app.output();
    expect(output.match(/TRANSFER_TOKEN_SALT[^\n]*/gu)).toEqual([
      'TRANSFER_TOKEN_SALT is not set, so "strapi transfer" does not work with this server. ' + secret,
    ]);
    expect(output.match(/ENCRYPTION_KEY[^\n]*/gu)).toEqual([
      'ENCRYPTION_KEY is not set, so the admin panel shows an API token only when it is created, ' +
        `and no character can have an API key. ${secret}`,
    ]);
    expect(output).not.toMatch(/Missing transfer\.token\.salt|Encryption key is missing/u);
    expect(output.match(/CHAT_EXPOSE_PROMPT[^\n]*/gu)).toEqual([
      'CHAT_EXPOSE_PROMPT is not set, so replies show users the prompts of characters. Set it to true or false.',
    ]);
    await expectCookiesOf(app, []);
  } finally {
    await app.stop();
  }
});

it('the application accepts cookies of the origins that CORS_ORIGINS names, and of no others', async () => {
  const app = await startApp({ env: { CORS_ORIGINS: 'https://app.example' } });
  try {
    await expectCookiesOf(app, ['https://app.example']);
  } finally {
    await app.stop();
  }
});

it('the API of the application allows no credentials of other origins', async () => {
  const app = await startApp({ env: { CORS_ORIGINS: '*' } });
  try {
    await expectCookiesOf(app, []);
    expect((await app.anonymous.get('/favicon.ico')).status).toBe(200);
    const api = await app.anonymous.request('GET', '/api/ai-characters', {
      headers: { Origin: 'https://evil.example' },
    });
    expect(api.headers.get('access-control-allow-credentials')).toBeNull();
    const asked = ['cache-control', 'pragma', 'x-requested-with', 'last-event-id', 'idempotency-key'];
    const preflight = await app.anonymous.request('OPTIONS', '/api/chat-conversations/create-message', {
      headers: {
        Origin: 'https://app.example',
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': asked.join(','),
      },
    });
    const allowed = preflight.headers.get('access-control-allow-headers')?.toLowerCase().split(',') ?? [];
    expect([preflight.status, asked.filter((name) => !allowed.includes(name))]).toEqual([204, []]);
  } finally {
    await app.stop();
  }
});
