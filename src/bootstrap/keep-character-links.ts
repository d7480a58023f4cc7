import type { Core } from '@strapi/strapi';

import { inTransaction } from '../stores/transaction';

const characterUid = 'api::ai-character.ai-character';
const linkedTables = ['chat_sessions', 'chat_conversations'];

/**
 * Messages and sessions link to a character's draft row. "Discard changes" in the admin panel deletes that row and
 * makes a new one from the published row, and the database would then set every link to null. So the links wait at the
 * published row meanwhile, in the same transaction.
 */
export function keepCharacterLinks(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    if (context.uid !== characterUid || context.action !== 'discardDraft') return next();
    const { documentId } = context.params as { documentId: string };
    return strapi.db.transaction(async () => {
      const before = await findRows(strapi, documentId);
      await relink(strapi, before.draftId, before.publishedId);
      const result = await next();
      const after = await findRows(strapi, documentId);
      await relink(strapi, before.publishedId, after.draftId);
      return result;
    });
  });
}

interface CharacterRows {
  readonly draftId: number | undefined;
  readonly publishedId: number | undefined;
}

async function findRows(strapi: Core.Strapi, documentId: string): Promise<CharacterRows> {
  const rows = (await strapi.db
    .query(characterUid)
    .findMany({ where: { documentId }, select: ['id', 'publishedAt'] })) as {
    id: number;
    publishedAt: string | null;
  }[];
  return {
    draftId: rows.find(({ publishedAt }) => publishedAt === null)?.id,
    publishedId: rows.find(({ publishedAt }) => publishedAt !== null)?.id,
  };
}

async function relink(strapi: Core.Strapi, from: number | undefined, to: number | undefined): Promise<void> {
  if (from === undefined || to === undefined) return;
  await inTransaction(strapi.db, async (trx) => {
    for (const table of linkedTables) {
      await strapi.db
        .connection(table)
        .transacting(trx)
        .where({ ai_character_id: from })
        .update({ ai_character_id: to });
    }
  });
}
