import type { Core } from '@strapi/strapi';

import { dropVersions, keepVersion } from '../../database/characters/versions/keep';
import { hasVersionTable } from '../../database/characters/versions/table';
import { inTransaction } from '../../database/sql/transaction';
import { characterUid } from '../../database/characters/uid';

/** `create` and `update` can publish, too. */
const publishing: ReadonlySet<string> = new Set(['publish', 'create', 'update', 'clone']);

/**
 * Keeps each published version of a character in the transaction of its publish, whatever API publishes it. Drops the
 * versions together with the character.
 */
export function keepCharacterVersions(strapi: Core.Strapi): void {
  const { db } = strapi;
  strapi.documents.use(async ({ uid, action, params }, next) => {
    const isPublishing = publishing.has(action);
    if (uid !== characterUid || !hasVersionTable(db) || (!isPublishing && action !== 'delete')) return next();
    return inTransaction(db, async (trx) => {
      const result: unknown = await next();
      const documentId = documentIdOf(params) ?? documentIdOf(result);
      if (action === 'delete') {
        if (documentId !== undefined) await dropVersions(db, trx, documentId);
      } else {
        // A clone has another documentId than its source.
        const written = action === 'clone' ? documentIdOf(result) : documentId;
        const publication = { publishedAt: new Date(), adminId: currentAdmin(strapi) };
        if (written !== undefined) await keepVersion(db, trx, written, publication);
      }
      return result as never;
    });
  });
}

const documentIdOf = (value: unknown): string | undefined =>
  (value as { documentId?: string } | null | undefined)?.documentId;

interface RequestState {
  readonly auth?: { readonly strategy?: { readonly name?: string } };
  readonly user?: { readonly id?: number };
}

/** Returns the administrator of the request; null for an API token, a script or a command. */
function currentAdmin(strapi: Core.Strapi): number | null {
  const { auth, user } = (strapi.requestContext.get()?.state ?? {}) as RequestState;
  return auth?.strategy?.name === 'admin' ? (user?.id ?? null) : null;
}
