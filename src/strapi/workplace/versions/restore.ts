import { isDeepStrictEqual } from 'node:util';

import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import {
  toVersionFields,
  versionFieldNames,
  type VersionFields,
} from '../../../database/characters/versions/fields';
import { characterUid } from '../../../database/characters/uid';
import type { ReadableDraft } from './rights';

interface Restoring {
  readonly strapi: Core.Strapi;
  readonly documentId: string;
  readonly readable: ReadableDraft;
  readonly fields: VersionFields;
  readonly adminId: number;
}

export interface Restored {
  readonly restored: readonly string[];
  /** Fields that differ and that the role may not change. */
  readonly skipped: readonly string[];
}

/**
 * Writes the fields of a version into the draft. Users see nothing of it before a publish. The API key stays as it is.
 * @throws ForbiddenError if the role may change none of the fields. @throws ValidationError if the key of the draft
 *   belongs to another kind of upstream.
 */
export async function restoreVersion({
  strapi,
  documentId,
  readable,
  fields,
  adminId,
}: Restoring): Promise<Restored> {
  const current = toVersionFields(readable.draft);
  const changed = versionFieldNames.filter((name) => !isDeepStrictEqual(fields[name], current[name]));
  const wanted = Object.fromEntries(changed.map((name) => [name, fields[name]]));
  const allowed = await readable.toUpdate(wanted);
  const restored = changed.filter((name) => name in allowed);
  const skipped = changed.filter((name) => !(name in allowed));
  if (changed.length > 0 && restored.length === 0)
    throw new errors.ForbiddenError('Your role may not change the fields that differ.');
  if (restored.length > 0) {
    const data = { ...allowed, updatedBy: adminId } as never;
    const { locale } = readable.draft as { locale?: string | null };
    await strapi.documents(characterUid).update({ documentId, ...(locale && { locale }), data });
  }
  return { restored, skipped };
}
