import { setTimeout as wait } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';

import { describeError } from '../../chat';
import { fillCharacterLinks, fillLinksTo } from '../../database/characters/links';
import { chatUids } from './chat-entries';

const characterUid = 'api::ai-character.ai-character';
/** Until the filling is tried again. */
const retryMs = 60_000;

/**
 * Sessions and messages name their character by its documentId, in a column of their own, because a publish and a discard
 * replace the character's rows. In a server, Strapi's relation `ai_character` goes by that column: so the admin panel and
 * API tokens find the character.
 *
 * Commands keep the relation of the schema, which goes by row ids: `strapi import` has nothing else to tell which character
 * an export of an earlier release means. The next server fills in what such an import writes.
 */
export function relateByDocumentId(strapi: Core.Strapi): void {
  for (const uid of chatUids) {
    const { ai_character: relation } = strapi.db.metadata.get(uid).attributes;
    const { joinColumn } = relation as unknown as { joinColumn: object };
    Object.assign(joinColumn, { name: 'ai_character_document_id', referencedColumn: 'document_id' });
  }
}

/** Rows of earlier releases name the draft row, which "Discard changes" is about to delete. */
export function keepLinksOfDiscarded(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    if (context.uid !== characterUid || context.action !== 'discardDraft') return next();
    const { documentId } = context.params as { documentId: string };
    return strapi.db.transaction(async () => {
      const rows = await strapi.db.query(characterUid).findMany({ where: { documentId }, select: ['id'] });
      await fillLinksTo(
        strapi.db,
        rows.map(({ id }) => Number(id)),
      );
      return next();
    });
  });
}

export interface Filling {
  /** Settles when no statement of it runs any more. */
  stop(): Promise<void>;
}

/** Fills in what an earlier release or an import of its export has left, while the application serves. */
export function startFillingLinks(strapi: Core.Strapi): Filling {
  const stopping = new AbortController();
  const filling = fillAll(strapi, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      await filling;
    },
  };
}

async function fillAll({ db, log }: Core.Strapi, signal: AbortSignal): Promise<void> {
  for (let isDone = false; !isDone && !signal.aborted;) {
    try {
      await fillCharacterLinks(db, signal);
      isDone = true;
    } catch (error) {
      log.error(`Some messages still name their character by its row: ${describeError(error)}`);
      await wait(retryMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }
}
