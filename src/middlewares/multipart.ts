import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { openTemporaryFolder } from '../strapi/startup/temporary-folder';
import { readMultipart } from '../http/multipart-body';

/**
 * `global::multipart`: a route that names it in its `config.middlewares` takes files, all others answer 415. The body is
 * read after authentication and policies. Its files are removed before the response is sent, whatever happened.
 */
export default (_config: unknown, { strapi }: { strapi: Core.Strapi }) => {
  const maxBytes = strapi.config.get<number>('plugin::upload.sizeLimit');

  return async function multipart(ctx: Context, next: Next): Promise<unknown> {
    if (!ctx.is('multipart/form-data')) return await next();
    const folder = await mkdtemp(path.join(await openTemporaryFolder(), 'request-'));
    try {
      const { fields, files } = await readMultipart(ctx, folder, maxBytes);
      Object.assign(ctx.request, { body: fields, files });
      return await next();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
};
