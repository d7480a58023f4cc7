import path from 'node:path';

import type { Core } from '@strapi/strapi';
import fresh from 'fresh';
import type { Context, Middleware } from 'koa';

import { readAdvancedSettings } from '../accounts/advanced-settings';
import { isRegistrationOpen } from '../accounts/registration';
import { createPageReader, indexFile, type PageFile } from './page-files';
import { setPageSecurity } from './page-security';

/** The address of the page. The build of the page contains it. */
export const chatPagePath = '/chat/';

export interface ChatPageOptions {
  /** The folder of the built page. By default, it is beside the compiled code. */
  readonly folder?: string;
  /** Whether replies are compressed. */
  readonly compresses: boolean;
  /** Other servers that have pictures of characters. */
  readonly imageOrigins: readonly string[];
}

const builtFolder = path.join(__dirname, '..', '..', '..', 'web');

/** The file that tells the page what this server allows. */
const settingsFile = 'settings.json';

/**
 * Creates the middleware that serves the chat page at `/chat/`. Its views have addresses of their own, which all get its
 * HTML. Other paths and methods continue to the next middleware.
 */
export function createChatPage(strapi: Core.Strapi, options: ChatPageOptions): Middleware {
  const { folder = builtFolder, compresses, imageOrigins } = options;
  const readFiles = createPageReader(folder);

  return async function chatPage(ctx, next): Promise<unknown> {
    const isReading = ctx.method === 'GET' || ctx.method === 'HEAD';
    if (!isReading || !`${ctx.path}/`.startsWith(chatPagePath)) return next();
    setPageSecurity(ctx, imageOrigins);
    if (ctx.path === '/chat') return redirect(ctx);
    const name = ctx.path.slice(chatPagePath.length);
    if (name === settingsFile) return sendSettings(ctx, strapi);
    const files = readFiles();
    if (files === null) return sendMissing(ctx);
    const file = files.get(isView(name) ? indexFile : name);
    return file === undefined ? next() : send(ctx, file, compresses);
  };
}

/** The addresses of `web/platform/router.ts`. Another one is a 404: a client that forgot `/api` must not get a page. */
const isView = (name: string): boolean =>
  /^(?:|c\/[^/]+|login|register|forgot-password|reset-password|account)\/?$/u.test(name);

function redirect(ctx: Context): void {
  ctx.redirect(`${chatPagePath}${ctx.search}`);
  ctx.status = 308;
}

async function sendSettings(ctx: Context, strapi: Core.Strapi): Promise<void> {
  const { allow_register: isAllowed } = await readAdvancedSettings(strapi);
  ctx.set('Cache-Control', 'no-store');
  ctx.body = {
    registration: isAllowed === true && isRegistrationOpen(strapi),
    min_password_chars: strapi.config.get<number>('plugin::users-permissions.minPasswordChars', 6),
  };
}

function sendMissing(ctx: Context): void {
  ctx.status = 503;
  ctx.set('Cache-Control', 'no-store');
  ctx.type = 'text/plain; charset=utf-8';
  ctx.body = 'The chat page is not built. Run "npm run build:web" and load this page again.\n';
}

async function send(ctx: Context, file: PageFile, compresses: boolean): Promise<void> {
  ctx.set({
    'Content-Type': file.type,
    'Cache-Control': file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    ETag: file.tag,
  });
  if (compresses) ctx.vary('Accept-Encoding');
  if (fresh({ 'if-none-match': ctx.get('If-None-Match') }, { etag: file.tag })) {
    ctx.status = 304;
    return;
  }
  const smaller = compresses && ctx.acceptsEncodings('gzip') === 'gzip' ? await file.compress() : null;
  if (smaller !== null) ctx.set('Content-Encoding', 'gzip');
  ctx.body = smaller ?? file.content;
}
