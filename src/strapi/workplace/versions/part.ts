import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';
import { z } from 'zod';

import {
  toVersionFields,
  versionFieldNames,
  type VersionFields,
} from '../../../database/characters/versions/fields';
import { findVersion } from '../../../database/characters/versions/read';
import type { AdminRoute, WorkplacePart } from '../part';
import { listCounted } from './list';
import { readDraft, type ReadableDraft } from './rights';
import { restoreVersion } from './restore';

/**
 * The published versions of a character, for administrators who may read its prompt.
 *
 * - `GET /admin/character-chat/versions/:documentId?page=1`: a list with the counts of their answers, newest first.
 * - `GET …/:documentId/:version`: the fields of a version. `draft` is the saved draft.
 * - `POST …/:documentId/:version/restore`: writes the fields into the draft.
 */
export const versions: WorkplacePart = {
  rights: [],
  routes: (strapi): readonly AdminRoute[] => [
    { method: 'GET', path: '/versions/:documentId', handler: (ctx) => list(strapi, ctx) },
    { method: 'GET', path: '/versions/:documentId/:version', handler: (ctx) => read(strapi, ctx) },
    {
      method: 'POST',
      path: '/versions/:documentId/:version/restore',
      handler: (ctx) => restore(strapi, ctx),
    },
  ],
};

const pageSize = 20;
const pageQuery = z.object({ page: z.coerce.number().int().min(1).max(100_000).default(1) });
const versionNumber = z.coerce.number().int().min(1).max(2_147_483_647);

async function list(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { documentId } = ctx.params as { documentId: string };
  const query = pageQuery.safeParse(ctx.query);
  if (!query.success) throw new errors.ValidationError('page must be a number from 1 on.');
  const { mayUpdate } = await readDraft(strapi, ctx, documentId);
  const { page } = query.data;
  const { versions: data, total } = await listCounted(strapi, documentId, { page, pageSize });
  ctx.body = {
    data,
    meta: { page, pageSize, total, mayRestore: mayUpdate },
  };
}

async function read(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { documentId, version } = ctx.params as { documentId: string; version: string };
  const readable = await readDraft(strapi, ctx, documentId);
  const fields =
    version === 'draft'
      ? toVersionFields(readable.draft)
      : await findOrThrow(strapi, documentId, parseNumber(version));
  ctx.body = { data: toReadable(fields, readable) };
}

async function restore(strapi: Core.Strapi, ctx: Context): Promise<void> {
  const { documentId, version } = ctx.params as { documentId: string; version: string };
  const readable = await readDraft(strapi, ctx, documentId);
  const fields = await findOrThrow(strapi, documentId, parseNumber(version));
  const { id } = (ctx.state as { user: { id: number } }).user;
  ctx.body = { data: await restoreVersion({ strapi, documentId, readable, fields, adminId: id }) };
}

function parseNumber(version: string): number {
  const parsed = versionNumber.safeParse(version);
  if (!parsed.success) throw new errors.NotFoundError('The character has no such version.');
  return parsed.data;
}

async function findOrThrow(strapi: Core.Strapi, documentId: string, version: number): Promise<VersionFields> {
  const fields = await findVersion(strapi.db, documentId, version);
  if (fields === null) throw new errors.NotFoundError('The character has no such version.');
  return fields;
}

/** Leaves out the fields that the role may not read. */
function toReadable(fields: VersionFields, { mayRead }: ReadableDraft): Readonly<Record<string, unknown>> {
  const names = versionFieldNames.filter((name) => mayRead(name));
  return Object.fromEntries(names.map((name) => [name, fields[name]]));
}
