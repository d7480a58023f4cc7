import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { ChatError } from '../../chat';
import type { Action, AuthController } from './auth-controller';

/** A page that wants the refresh token in a cookie sends this header. A form or a link cannot send it. */
const header = 'x-strapi-refresh-cookie';
const cookieActions = [
  'callback',
  'register',
  'resetPassword',
  'changePassword',
  'refresh',
  'logout',
] as const;

interface CookieSettings {
  readonly name?: string;
  readonly path?: string;
  readonly sameSite?: 'strict' | 'lax' | 'none';
  readonly domain?: string;
  readonly maxAge?: number;
}

/**
 * Protects the plugin's cookie for refresh tokens:
 * - The server reads the cookie only for a request with the header, and never for the page of another site.
 * - The cookie is for secure connections only if the login came by one. The plugin replies 500 to others in production.
 * - A registration and a new password set the cookie, too. With the plugin, only a login and a renewal do.
 */
export function protectRefreshCookie<T extends AuthController>(auth: T, strapi: Core.Strapi): T {
  const settings = strapi.config.get<CookieSettings>('plugin::users-permissions.sessions.cookie', {});
  const origins = strapi.config.get<readonly string[]>('plugin::users-permissions.cookieOrigins', []);
  const actions = cookieActions.map((name) => [name, protect(auth[name] as Action)] as const);
  return { ...auth, ...Object.fromEntries(actions) };

  function protect(action: Action): Action {
    return async (ctx, ...rest) => {
      if (ctx.get(header) !== 'httpOnly') {
        ignoreCookie(ctx, settings);
        return action(ctx, ...rest);
      }
      if (isOfOtherSite(ctx, origins)) throw new ChatError('forbidden', { sentence: refusal });
      setCookiesBy(ctx);
      const result = await action(ctx, ...rest);
      moveToCookie(ctx, settings);
      return result;
    };
  }
}

const refusal =
  'A page of another site sent this request. Only pages of this server, and of the origins that the operator names, ' +
  'can use the cookie.';
const defaultName = 'strapi_up_refresh';

/** Removes the cookie from the request. Other cookies stay, for logins with a provider. */
function ignoreCookie(ctx: Context, { name = defaultName }: CookieSettings): void {
  const { cookie } = ctx.request.headers;
  if (cookie === undefined) return;
  const others = cookie.split(';').filter((one) => one.split('=', 1)[0]?.trim() !== name);
  ctx.request.headers.cookie = others.join(';');
}

/** Browsers send `Sec-Fetch-Site` to secure addresses and to localhost. Otherwise the origin must have this host. */
function isOfOtherSite(ctx: Context, origins: readonly string[]): boolean {
  const origin = ctx.get('Origin');
  if (origins.includes(origin)) return false;
  const site = ctx.get('Sec-Fetch-Site');
  if (site !== '') return site !== 'same-origin' && site !== 'none';
  return origin !== '' && hostOf(origin) !== ctx.host;
}

function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

/** Sets cookies for secure connections only if the browser has one, also behind a proxy that says nothing. */
function setCookiesBy(ctx: Context): void {
  const secure = ctx.secure || /^https:/iu.test(ctx.get('Origin'));
  const { cookies } = ctx;
  const set = cookies.set.bind(cookies);
  cookies.secure = secure;
  cookies.set = (name, value, options) => set(name, value, { ...options, secure });
}

/** Moves the refresh token of a reply into the cookie. */
function moveToCookie(ctx: Context, { name = defaultName, ...settings }: CookieSettings): void {
  const body = ctx.body as { refreshToken?: unknown } | null | undefined;
  if (typeof body?.refreshToken !== 'string') return;
  ctx.cookies.set(name, body.refreshToken, { sameSite: 'lax', ...settings, httpOnly: true, overwrite: true });
  delete body.refreshToken;
}
