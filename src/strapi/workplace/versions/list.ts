import type { Core } from '@strapi/strapi';

import {
  countAnswers,
  listVersions,
  noAnswers,
  type AnswerCounts,
  type VersionInfo,
} from '../../../database/characters/versions/read';

/** Lists a page of the versions of a character with the counts of their answers, newest first. */
export async function listCounted(
  { db }: Core.Strapi,
  documentId: string,
  page: { readonly page: number; readonly pageSize: number },
): Promise<{ readonly versions: readonly (VersionInfo & AnswerCounts)[]; readonly total: number }> {
  const { versions: infos, total } = await listVersions(db, documentId, page);
  const numbers = infos.map(({ version }) => version);
  const counts = await countAnswers(db, documentId, numbers);
  const versions = infos.map((info) => ({ ...info, ...(counts.get(info.version) ?? noAnswers) }));
  return { versions, total };
}
