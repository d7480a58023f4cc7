import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';

import { CardError } from './card-error';
import type { UploadedFile } from '../../http/requests/multipart-body';
import { exportCard, parseFormat } from './export-card';
import { importCard } from './import-card';
import { createRights } from './rights';

interface CardOptions {
  /** The limit of a card, with its picture. */
  readonly maxBytes: number;
}

/**
 * Adds the routes for character cards to the admin API.
 *
 * - `POST /admin/character-cards`, a form with `file`: creates a draft. 201 with
 *   `{ data: { documentId, name, hasPicture, unused } }`.
 * - `GET /admin/character-cards/:documentId?format=json|png`: the draft as a card.
 *
 * They need the rights to create and to read characters. Call this in `register`.
 */
export function addCardRoutes(strapi: Core.Strapi, { maxBytes }: CardOptions): void {
  const takesCard = { name: 'global::multipart', config: { maxFileBytes: maxBytes } };
  const common = {
    config: { policies: ['admin::isAuthenticatedAdmin'] },
    info: { type: 'admin' },
  };
  const router = {
    type: 'admin',
    prefix: '/admin/character-cards',
    routes: [
      {
        ...common,
        config: { ...common.config, middlewares: [takesCard] },
        method: 'POST',
        path: '/',
        handler: (ctx: Context) => create(strapi, ctx, maxBytes),
      },
      { ...common, method: 'GET', path: '/:documentId', handler: (ctx: Context) => read(strapi, ctx) },
    ],
  };
  Object.assign(strapi.admin.routes, { 'character-cards': router });
}

async function create(strapi: Core.Strapi, ctx: Context, maxBytes: number): Promise<void> {
  const file = (ctx.request as { files?: Record<string, UploadedFile | UploadedFile[]> }).files?.['file'];
  if (file === undefined || Array.isArray(file))
    throw new errors.ValidationError('Send one card as the part "file" of a multipart/form-data body.');
  if (file.size > maxBytes)
    throw new errors.PayloadTooLargeError(
      `The card is larger than ${maxBytes} bytes. Make its picture smaller.`,
    );
  const data = await importCard({ strapi, rights: createRights(strapi, ctx), file }).catch(
    (error: unknown) => {
      throw error instanceof CardError ? new errors.ValidationError(error.message) : error;
    },
  );
  ctx.status = 201;
  ctx.body = { data };
}

async function read(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { documentId } = ctx.params as { documentId: string };
  const format = parseFormat(ctx.query['format']);
  const file = await exportCard({ strapi, rights: createRights(strapi, ctx), documentId, format });
  ctx.type = file.type;
  ctx.attachment(file.name);
  ctx.body = file.bytes;
}
