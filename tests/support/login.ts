import { password } from './admin';
import { createClient, type Client, type Reply } from './client';

/** One login of an account, in the form that a device stores. */
export interface Login {
  readonly jwt: string;
  readonly refreshToken: string;
  readonly user: Client['user'];
}

let accounts = 0;

/** Registers a new account. @returns its first login. */
export async function register(url: string): Promise<Login> {
  accounts += 1;
  const username = `login${accounts}`;
  const account = { username, email: `${username}@example.com`, password };
  return (await createClient(url).post('/api/auth/local/register', account)).body;
}

/** Logs in again, like another device. */
export async function logInAgain(url: string, { user }: Login, withPassword = password): Promise<Login> {
  const credentials = { identifier: user.username, password: withPassword };
  return (await createClient(url).post('/api/auth/local', credentials)).body;
}

export const refresh = (url: string, refreshToken: string): Promise<Reply> =>
  createClient(url).post('/api/auth/refresh', { refreshToken });

/** Returns the status of a request with the access token, and of one with the refresh token. */
export async function worthOf(url: string, { jwt, refreshToken }: Login): Promise<[number, number]> {
  const access = await createClient(url, jwt).myList();
  return [access.status, (await refresh(url, refreshToken)).status];
}

export const good: [number, number] = [200, 200];
export const refused: [number, number] = [401, 401];

/** Returns the id of the Strapi session that a token names. */
export function sessionIdOf(token: string): string {
  const { sessionId } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return sessionId;
}
