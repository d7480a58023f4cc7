import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Emulation } from '../call';
import { DifyError, unauthorized } from '../errors';
import { parseFields } from '../fields';
import type { Profile } from '../frames';
import type { RecordedRequest } from '../requests';
import type { App } from '../apps';
import type { EndUser } from '../state';
import type { HttpAnswer } from '../wire';

export type AccountSpec = { readonly email: string; readonly password: string };

/** The one member who logs in to the console, with the tokens of the logins. */
export type Account = AccountSpec & {
  readonly id: string;
  readonly accessTokens: Set<string>;
  /** Each is valid once. */
  readonly refreshTokens: Set<string>;
  /** The member as the owner of conversations, by the key of the app. */
  readonly owners: Map<string, EndUser>;
  refusedLogins: number;
};

export const defaultAccount: AccountSpec = { email: 'owner@example.com', password: 'Passw0rd123' };

export function createAccount(spec: AccountSpec): Account {
  const tokens = { accessTokens: new Set<string>(), refreshTokens: new Set<string>() };
  return { ...spec, ...tokens, id: randomUUID(), owners: new Map(), refusedLogins: 0 };
}

export function ownerOf(account: Account, app: App): EndUser {
  const owner = account.owners.get(app.key) ?? { id: account.id, appKey: app.key, name: 'owner' };
  account.owners.set(app.key, owner);
  return owner;
}

const loginBody = z.object({ email: z.string(), password: z.string() });
/** After these, Dify refuses even the right password for 24 hours. */
const refusalsBeforeLock = 5;

/** POST /console/api/login. 1.x takes the password in Base64, and sends the tokens as cookies. */
export function postLogin({ profile, account }: Emulation, fields: Record<string, unknown>): HttpAnswer {
  const given = parseFields(loginBody, fields, { profile, model: 'LoginPayload', from: 'JSON body' });
  const password = profile === '0.15' ? given.password : fromBase64(given.password);
  if (account.refusedLogins >= refusalsBeforeLock) {
    const message = 'Too many incorrect password attempts. Please try again later.';
    throw new DifyError(429, 'email_code_login_limit', message);
  }
  if (given.email !== account.email || password !== account.password) {
    account.refusedLogins += 1;
    throw profile === '0.15'
      ? new DifyError(400, 'email_or_password_mismatch', 'The email or password is mismatched.')
      : new DifyError(401, 'authentication_failed', 'Invalid email or password.');
  }
  account.refusedLogins = 0;
  return loggedIn(profile, account, ['access_token', 'refresh_token', 'csrf_token']);
}

/** Dify cannot decode a plain password. It then does not count the login as refused. */
function fromBase64(text: string): string {
  const isBase64 = /^[\w+/]+={0,2}$/u.test(text) && text.length % 4 === 0;
  if (!isBase64) throw new DifyError(401, 'authentication_failed', 'Invalid encrypted data');
  return Buffer.from(text, 'base64').toString('utf8');
}

/** POST /console/api/refresh-token. A refresh token that was used before gets a 401. */
export function postRefresh(
  { profile, account }: Emulation,
  request: RecordedRequest,
  fields: Record<string, unknown>,
): HttpAnswer {
  const given = profile === '0.15' ? fields['refresh_token'] : cookiesOf(request).get('refresh_token');
  if (typeof given === 'string' && account.refreshTokens.delete(given))
    return loggedIn(profile, account, ['csrf_token', 'access_token', 'refresh_token']);
  const sentence = 'Invalid refresh token';
  const refused = profile === '0.15' ? { data: sentence } : { message: sentence };
  return { status: 401, json: { result: 'fail', ...refused } };
}

type TokenName = 'access_token' | 'refresh_token' | 'csrf_token';

/** @param order the order of the cookies of 1.x. */
function loggedIn(profile: Profile, account: Account, order: readonly TokenName[]): HttpAnswer {
  const tokens = {
    access_token: randomBytes(64).toString('hex'),
    refresh_token: randomBytes(64).toString('hex'),
    csrf_token: randomBytes(64).toString('hex'),
  };
  const { access_token, refresh_token } = tokens;
  account.accessTokens.add(access_token);
  account.refreshTokens.add(refresh_token);
  if (profile === '0.15')
    return { status: 200, json: { result: 'success', data: { access_token, refresh_token } } };
  const cookies = order.map((name) => toCookie(name, tokens[name]));
  return { status: 200, headers: { 'Set-Cookie': cookies }, json: { result: 'success' } };
}

function toCookie(name: TokenName, value: string): string {
  const maxAge = name === 'refresh_token' ? 2_592_000 : 3_600;
  const expires = new Date(Date.now() + maxAge * 1_000).toUTCString();
  const httpOnly = name === 'csrf_token' ? '' : ' HttpOnly;';
  return `${name}=${value}; Expires=${expires}; Max-Age=${maxAge};${httpOnly} Path=/; SameSite=Lax`;
}

/** Checks the login of a call. 1.x requires the CSRF token in a cookie and in a header. */
export function requireLogin({ profile, account }: Emulation, request: RecordedRequest): void {
  const cookies = cookiesOf(request);
  const token =
    profile === '0.15'
      ? request.headers.authorization?.replace(/^Bearer /u, '')
      : cookies.get('access_token');
  if (token === undefined || token === '') throw unauthorized('Invalid Authorization token.');
  const csrf = cookies.get('csrf_token');
  if (profile === '1.x' && (csrf === undefined || csrf !== request.headers['x-csrf-token']))
    throw unauthorized('CSRF token is missing or invalid.');
  if (!account.accessTokens.has(token)) throw unauthorized('Invalid token.');
}

function cookiesOf({ headers }: RecordedRequest): ReadonlyMap<string, string> {
  const pairs = (headers.cookie ?? '').split('; ').map((pair): [string, string] => {
    const [name = '', value = ''] = pair.split(/=(.*)/u, 2);
    return [name, value];
  });
  return new Map(pairs);
}
