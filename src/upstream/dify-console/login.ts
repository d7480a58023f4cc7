import { z } from 'zod';

import { parseJson } from '../http/parse-json';
import type { ShortReply } from '../http/short-call';

/** The tokens of a login, as a call needs them. They never go into an error or a log. */
export interface Login {
  readonly headers: Readonly<Record<string, string>>;
  /** The body of `POST /refresh-token`. Undefined if the headers are enough. */
  readonly refreshBody: Readonly<Record<string, string>> | undefined;
}

/** Returns the login in a reply to `POST /login` or `POST /refresh-token`. Null if the reply has no tokens. */
export function toLogin({ body, cookies }: Pick<ShortReply, 'body' | 'cookies'>): Login | null {
  return fromBody(body) ?? fromCookies(cookies);
}

const token = z.string().min(1);
const bodySchema = z.object({ data: z.object({ access_token: token, refresh_token: token }) });

/** Versions up to about 1.9.1 send the tokens in the body. */
function fromBody(body: string): Login | null {
  const parsed = bodySchema.safeParse(parseJson(body));
  if (!parsed.success) return null;
  const { access_token, refresh_token } = parsed.data.data;
  return { headers: { Authorization: `Bearer ${access_token}` }, refreshBody: { refresh_token } };
}

/** Later versions send cookies. Over HTTPS their names begin with `__Host-`. */
function fromCookies(cookies: readonly string[]): Login | null {
  const pairs = cookies.map((cookie) => cookie.split(';', 1)[0]?.trim() ?? '');
  const valueOf = (name: string): string | undefined =>
    pairs.map((pair) => new RegExp(`^(?:__Host-)?${name}=(.+)$`, 'u').exec(pair)?.[1]).find((value) => value);
  const csrf = valueOf('csrf_token');
  if (csrf === undefined || valueOf('access_token') === undefined) return null;
  return { headers: { Cookie: pairs.join('; '), 'X-CSRF-Token': csrf }, refreshBody: undefined };
}
