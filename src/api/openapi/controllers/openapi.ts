import { createReadStream } from 'node:fs';

import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { param } from '../../../http/param';
import { documentOf } from '../../../strapi/openapi/create-document';
import { findViewerFile, viewerPage } from '../viewer';

export default ({ strapi }: { strapi: Core.Strapi }) => {
  const prefix = strapi.config.get('api.rest.prefix', '/api');
  return {
    /** GET /api/openapi.json */
    document(ctx: Context) {
      send(ctx, 'application/json; charset=utf-8', documentOf(strapi));
    },

    /** GET /api/docs */
    page(ctx: Context) {
      send(ctx, 'text/html; charset=utf-8', viewerPage(prefix));
    },

    /** GET /api/docs/:file. Without a body, the reply is the 404 of an unknown path. */
    file(ctx: Context) {
      const found = findViewerFile(param(ctx, 'file'), prefix);
      if (found === undefined) return;
      const { type, content } = found;
      send(ctx, type, 'text' in content ? content.text : createReadStream(content.file));
    },
  };
};

function send(ctx: Context, type: string, body: Context['body']): void {
  ctx.set({ 'Content-Type': type, 'Cache-Control': 'public, max-age=300' });
  ctx.body = body;
}
