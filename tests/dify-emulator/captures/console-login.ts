import type { Profile } from '../index';
import type { Arriving } from '../test-client';

/** The login of the console during a replay. The recordings do not contain the tokens. */
export type ConsoleLogin = {
  /** Learns the tokens of a reply to a login or a refresh. */
  readonly learn: (reply: Arriving) => void;
  /** Returns the headers of a recorded request. */
  readonly headersFor: (name: string) => Record<string, string>;
  /** Returns the body with the real refresh token. */
  readonly bodyFor: (name: string, body: string) => string;
};

type Tokens = { readonly access: string; readonly refresh: string; readonly csrf: string };

export function createConsoleLogin(profile: Profile): ConsoleLogin {
  let tokens: Tokens = { access: '', refresh: '', csrf: '' };
  let usedRefresh = '';
  const read = profile === '0.15' ? fromBody : fromCookies;
  const refreshFor = (name: string): string => (name === 'refresh-twice' ? usedRefresh : tokens.refresh);
  return {
    learn(reply) {
      const given = read(reply);
      if (given.access === '') return;
      usedRefresh = tokens.refresh;
      tokens = given;
    },
    headersFor(name) {
      const { access, csrf } = name === 'bad-token' ? { access: 'x', csrf: 'x' } : tokens;
      if (name === 'no-token' || access === '') return { authorization: '' };
      if (profile === '0.15') return { authorization: `Bearer ${access}` };
      if (name === 'csrf-missing') return { authorization: '', cookie: `access_token=${access}` };
      const cookies = [`access_token=${access}`, `refresh_token=${refreshFor(name)}`, `csrf_token=${csrf}`];
      return { authorization: '', cookie: cookies.join('; '), 'x-csrf-token': csrf };
    },
    bodyFor: (name, body) => body.replace('(128 hex digits)', refreshFor(name)),
  };
}

function fromBody(reply: Arriving): Tokens {
  const of = (field: string): string =>
    new RegExp(`"${field}": "([^"]+)"`, 'u').exec(reply.text())?.[1] ?? '';
  return { access: of('access_token'), refresh: of('refresh_token'), csrf: '' };
}

function fromCookies({ headers }: Arriving): Tokens {
  const of = (name: string): string =>
    headers['set-cookie']?.find((cookie) => cookie.startsWith(`${name}=`))?.split(/[=;]/u)[1] ?? '';
  return { access: of('access_token'), refresh: of('refresh_token'), csrf: of('csrf_token') };
}
