import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

import { HttpError, type Api } from './http';
import { DemoError } from './screen';

export interface Account {
  readonly email: string;
  readonly password: string;
}

export interface Accounts {
  readonly admin: Account;
  readonly user: Account;
}

/**
 * Returns the demo accounts, which it creates once and saves next to the database. The demo only listens on this
 * machine. The passwords are random nevertheless, because web pages in a local browser can send requests to it.
 */
export function readAccounts(file: string): Accounts {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Accounts;
  const accounts: Accounts = {
    admin: { email: 'admin@example.com', password: createPassword() },
    user: { email: 'demo@example.com', password: createPassword() },
  };
  writeFileSync(file, `${JSON.stringify(accounts, null, 2)}\n`, { mode: 0o600 });
  return accounts;
}

/** Returns a password with a capital letter, a small letter and a digit, as Strapi requires for admins. */
function createPassword(): string {
  return `Demo1-${randomBytes(8).toString('hex')}`;
}

/** @returns a token for the admin API. Strapi lets the first admin of an installation register without login. */
export async function logInAdmin(api: Api, { email, password }: Account): Promise<string> {
  const { data: init } = await api.request<{ data: { hasAdmin: boolean } }>('/admin/init');
  const reply = init.hasAdmin
    ? api.request<{ data: { token: string } }>('/admin/login', { body: { email, password } })
    : api.request<{ data: { token: string } }>('/admin/register-admin', {
        body: { email, password, firstname: 'Demo' },
      });
  return (await reply.catch(orExplain(`admin ${email}`))).data.token;
}

/** @returns a JWT of the demo user. Registers the user at the first start. */
export async function logInUser(api: Api, { email, password }: Account): Promise<string> {
  const logIn = () =>
    api.request<{ jwt: string }>('/api/auth/local', { body: { identifier: email, password } });
  try {
    return (await logIn()).jwt;
  } catch (error) {
    if (!(error instanceof HttpError) || error.status !== 400) return orExplain(`user ${email}`)(error);
  }
  await api
    .request('/api/auth/local/register', { body: { username: 'demo', email, password } })
    .catch(orExplain(`user ${email}`));
  return (await logIn().catch(orExplain(`user ${email}`))).jwt;
}

function orExplain(who: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof HttpError)) throw error;
    if (error.status === 429) {
      throw new DemoError(`Too many attempts to log in as ${who}. Wait some minutes, then try again.`);
    }
    throw new DemoError(
      `Cannot log in as ${who}: ${error.message}\n\nThe demo keeps its passwords in demo.json and its data in ` +
        'demo.db and demo.history.db, by default in the folder .tmp. If one was changed or deleted, delete all ' +
        'three to start again.',
    );
  };
}
