import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';

import type { Core } from '@strapi/strapi';
import type { Context, Next } from 'koa';

import { chatOf } from '../app';
import { openTemporaryFolder } from '../strapi/startup/temporary-folder';
import { readMultipart } from '../http/requests/multipart-body';

interface MultipartConfig {
  /** Whether the limit is that of a file in a question. Otherwise it is that of the media library. */
  readonly isForQuestions?: boolean;
  /** The limit of the one file that the route takes. */
  readonly maxFileBytes?: number;
}

/** The other fields of a form, and the lines around them. */
const formBytes = 10_000;

/**
 * `global::multipart`: a route that names it in its `config.middlewares` accepts files. All other routes answer 415.
 * The server reads the body after authentication and policies.
 * It always removes the files before it sends the response.
 */
export default (
  { isForQuestions, maxFileBytes }: MultipartConfig = {},
  { strapi }: { strapi: Core.Strapi },
) => {
  const maxBytes = () => {
    if (maxFileBytes !== undefined) return maxFileBytes + formBytes;
    return isForQuestions === true
      ? chatOf(strapi).settings.files.maxBytes + formBytes
      : strapi.config.get<number>('plugin::upload.sizeLimit');
  };

  return async function multipart(ctx: Context, next: Next): Promise<unknown> {
    if (!ctx.is('multipart/form-data')) return await next();
    const folder = await mkdtemp(path.join(await openTemporaryFolder(), 'request-'));
    try {
      const { fields, files } = await readMultipart(ctx, folder, maxBytes());
      Object.assign(ctx.request, { body: fields, files });
      return await next();
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
};
