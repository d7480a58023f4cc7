import { Stream } from 'node:stream';

import type { Core } from '@strapi/strapi';
import etag from 'etag';
import fresh from 'fresh';
import type { Context, Middleware, Next } from 'koa';

import { chatApis, routeOf } from './chat-errors';

interface JsonRepliesConfig {
  readonly compresses: boolean;
  /** The names of the APIs, if they differ. */
  readonly apis?: readonly string[];
}

type Create = (config: object, options: { strapi: Core.Strapi }) => Middleware;

/** A shorter reply fits into one packet anyway. */
const minCompressedBytes = 1024;
const encodings = ['br', 'gzip', 'deflate', 'identity'];
const json = 'application/json';
const nothing = () => Promise.resolve();

/**
 * Tags replies in JSON, so that a client gets 304 for what it has, and compresses them. It changes nothing about event
 * streams, JSON Lines, files, errors, and the routes of others.
 */
export default ({ compresses, apis = chatApis }: JsonRepliesConfig, { strapi }: { strapi: Core.Strapi }) => {
  const create = strapi.middleware('strapi::compression') as Create;
  const compress = create(
    { filter: (type: string) => type === json, threshold: minCompressedBytes },
    { strapi },
  );

  return async function jsonReplies(ctx: Context, next: Next): Promise<void> {
    await next();
    const { info, config } = routeOf(ctx);
    if (!apis.includes(info?.apiName ?? '') || ctx.type !== json) return;
    const canChange = ctx.method !== 'GET' && ctx.method !== 'HEAD';
    if (!canChange && ctx.status === 200) validate(ctx, config?.auth === false);
    if (!compresses) return;
    ctx.vary('Accept-Encoding');
    // By itself, Strapi's middleware compresses for `gzip;q=0`, and replies 406 to `identity;q=0`.
    const accepted = ctx.acceptsEncodings(encodings);
    if (accepted !== false && accepted !== 'identity') await compress(ctx, nothing);
  };
};

/** Sets the validator of a reply. Replies 304 if the client has it. */
function validate(ctx: Context, isPublic: boolean): void {
  if (!isPublic) ctx.vary('Authorization');
  if (!ctx.response.get('Cache-Control'))
    ctx.set('Cache-Control', isPublic ? 'no-cache' : 'private, no-cache');
  if (ctx.body instanceof Stream) return;
  const text = toText(ctx.body);
  ctx.body = text;
  // Weak, because the compressed reply has the same tag.
  const tag = etag(text, { weak: true });
  ctx.set('ETag', tag);
  // Without `Cache-Control` of the request: `fetch` adds `no-cache` where a page sets `If-None-Match`.
  const condition = { 'if-none-match': ctx.get('If-None-Match') };
  if (fresh(condition, { etag: tag })) replyNotModified(ctx);
}

function replyNotModified(ctx: Context): void {
  ctx.status = 304;
  ctx.body = null;
}

/** Returns the text that Koa would send. */
function toText(body: unknown): string | Buffer {
  return typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
}
