import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { checkLegacyTokens, nameAccounts } from '../../../src/strapi/logins/legacy-tokens';
import type { JwtService } from '../../../src/strapi/logins/tied-tokens';

interface Row {
  documentId: string;
  password: string;
  createdAt: Date;
}

const hash = (salt: string) => `$2b$10$${salt.repeat(22)}${'h'.repeat(31)}`;

/** Creates the token service of the plugin in legacy-support mode. The keys of `accounts` are account ids. */
function createApplication(accounts: Record<number, Row>) {
  const settings: Record<string, unknown> = {
    'plugin::users-permissions.jwtManagement': 'legacy-support',
    'plugin::users-permissions.jwtSecret': 'a secret of tests',
    'plugin::users-permissions.jwt': { expiresIn: '30d' },
  };
  const strapi = {
    config: { get: (name: string, otherwise: unknown) => settings[name] ?? otherwise },
    db: {
      query: () => ({
        findOne: async ({ where }: { where: { id: number } }) => accounts[where.id] ?? null,
      }),
    },
    plugin: () => ({ service: () => jwt }),
  } as unknown as Core.Strapi;
  const jwt: JwtService = checkLegacyTokens(pluginsJwt({ strapi }), strapi);

  /** Logs in as the account with this id. @returns the token in the reply. */
  async function logIn(id: number): Promise<string> {
    const callback = (ctx: Context): Promise<void> => {
      ctx.body = { jwt: jwt.issue({ id }), user: { id } };
      return Promise.resolve();
    };
    const ctx = {} as Context;
    await nameAccounts({ callback }, strapi)['callback']?.(ctx);
    return (ctx.body as { jwt: string }).jwt;
  }
  return { jwt, logIn };
}

function pluginsJwt(options: { strapi: Core.Strapi }): JwtService {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the plugin as Strapi loads it
  const plugin = require('@strapi/plugin-users-permissions/strapi-server')() as {
    services: { jwt(options: { strapi: Core.Strapi }): JwtService };
  };
  return plugin.services.jwt(options);
}

const ann = (): Row => ({ documentId: 'ann', password: hash('a'), createdAt: new Date('2026-01-01') });

describe('a legacy-support token', () => {
  it('is valid while its account and password are those of the login', async () => {
    const { jwt, logIn } = createApplication({ 1: ann() });
    expect(await jwt.verify(await logIn(1))).toMatchObject({ id: 1 });
  });

  it.each<[string, (accounts: Record<number, Row>) => void]>([
    ['another account has its id', (accounts) => (accounts[1] = { ...ann(), documentId: 'bob' })],
    ['the password was changed', (accounts) => (accounts[1] = { ...ann(), password: hash('b') })],
    ['the account is deleted', (accounts) => delete accounts[1]],
  ])('is rejected if %s', async (_name, change) => {
    const accounts = { 1: ann() };
    const { jwt, logIn } = createApplication(accounts);
    const token = await logIn(1);
    change(accounts);
    await expect(jwt.verify(token)).rejects.toThrow('Invalid token.');
  });

  it('without an account name is valid unless the account is younger', async () => {
    const accounts = { 1: ann() };
    const { jwt } = createApplication(accounts);
    const token = String(jwt.issue({ id: 1 }));
    expect(await jwt.verify(token)).toMatchObject({ id: 1 });
    accounts[1].createdAt = new Date(Date.now() + 10_000);
    await expect(jwt.verify(token)).rejects.toThrow('Invalid token.');
  });

  it('does not contain the password hash', async () => {
    const { logIn } = createApplication({ 1: ann() });
    const payload = Buffer.from((await logIn(1)).split('.')[1] ?? '', 'base64url').toString();
    expect(payload).not.toContain('aaaa');
  });
});
