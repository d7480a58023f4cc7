import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

import type { Core } from '@strapi/strapi';
import type { Context, Middleware, Next } from 'koa';

import { ChatError } from '../chat';
import { takesBodyWithFiles } from '../http/requests/body-with-files';
import { hasMultipartBody } from '../http/requests/multipart-body';
import { lowerIdsInBody } from '../http/requests/lower-case-ids';
import { hasBody, readBody } from '../http/requests/request-body';

type CreateParser = (config: object, options: { strapi: Core.Strapi }) => unknown;

interface BodyConfig {
  /** Limit of a body without its `Content-Encoding`. */
  readonly maxBytes: number;
  /** Strapi's own middleware, if another one has its name. */
  readonly create?: CreateParser;
}

const methods: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Reads and parses JSON and forms. Strapi's own middleware parses them, but it answers a wrong `Content-Encoding` with
 * 500. It also accepts malformed UTF-8, and ignores a body without a `Content-Type`. So this middleware reads the bytes,
 * checks them, and hands them to Strapi's. `global::multipart` reads multipart bodies, and some controllers read JSON with
 * files.
 */
export default ({ maxBytes, create: given }: BodyConfig, { strapi }: { strapi: Core.Strapi }) => {
  const create: CreateParser = given ?? strapi.middleware('strapi::body');
  const parse = create({ jsonLimit: maxBytes, multipart: false }, { strapi }) as Middleware;

  return async function body(ctx: Context, next: Next): Promise<void> {
    const isRead = hasBody(ctx) && !hasMultipartBody(ctx) && !takesBodyWithFiles(ctx);
    if (methods.has(ctx.method) && isRead) {
      const bytes = await readBody(ctx, maxBytes);
      if (!isUtf8(bytes)) throw new ChatError('invalid-request', { sentence: 'The body must be UTF-8.' });
      await withBody(ctx, isNull(bytes) ? Buffer.alloc(0) : bytes, async () => {
        await parse(ctx, nothing);
      });
      assertParsed(ctx, bytes);
      lowerIdsInBody(ctx.request.body);
    }
    await next();
  };
};

const nothing = () => Promise.resolve();

/** Runs `work` while the context has these bytes as its body. */
async function withBody(ctx: Context, bytes: Buffer, work: () => Promise<void>): Promise<void> {
  const { req } = ctx;
  ctx.req = Object.assign(Readable.from(bytes), { headers: {} }) as unknown as IncomingMessage;
  try {
    await work();
  } finally {
    ctx.req = req;
  }
}

/** Clients of typed languages send `null` for no body. */
function isNull(bytes: Buffer): boolean {
  return bytes.length < 20 && bytes.toString().trim() === 'null';
}

/** @throws ChatError `unsupported-media-type` if no parser takes the type of the body. */
function assertParsed(ctx: Context, bytes: Buffer): void {
  if (bytes.length === 0 || typeof ctx.request.body === 'object') return;
  const type = ctx.get('Content-Type').split(';')[0]?.trim().toWellFormed();
  const found = type ? `The Content-Type is ${type}.` : 'The body has no Content-Type.';
  throw new ChatError('unsupported-media-type', {
    sentence: `${found} Send JSON with the header "Content-Type: application/json".`,
  });
}
