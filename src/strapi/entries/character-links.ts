import { setTimeout as wait } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';

import { describeError } from '../../chat';
import { fillCharacterLinks, fillLinksTo } from '../../database/characters/links';
import { chatUids } from './chat-entries';
import { characterUid } from '../../database/characters/uid';

/** Pause before the next attempt to fill in links. */
const retryMs = 60_000;

/**
 * Relates sessions and messages to their character by documentId. They store it in a column of their own, because a
 * publish and a discard replace the character's rows. In a server, Strapi's relation `ai_character` uses that column.
 * So the admin panel and API tokens find the character.
 *
 * Commands keep the relation of the schema, which uses row ids. An export of an earlier release names its characters
 * only by row id, so `strapi import` needs this relation. The next server fills in the rows that such an import
 * writes.
 */
export function relateByDocumentId(strapi: Core.Strapi): void {
  for (const uid of chatUids) {
    const { ai_character: relation } = strapi.db.metadata.get(uid).attributes;
    const { joinColumn } = relation as unknown as { joinColumn: object };
    Object.assign(joinColumn, { name: 'ai_character_document_id', referencedColumn: 'document_id' });
  }
}

/** Fills in links before "Discard changes" deletes the draft row, because rows of earlier releases name that row. */
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
  /** Settles when none of its statements runs any more. */
  stop(): Promise<void>;
}

/**
 * Fills in links that an earlier release, or an import of its export, left empty. The server handles requests
 * meanwhile.
 */
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
