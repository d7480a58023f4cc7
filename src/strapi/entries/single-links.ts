import { errors } from '@strapi/utils';
import type { Core } from '@strapi/strapi';

import { isRowId } from '../../database/sql/row-id';
import { chatUids } from './chat-entries';
import { characterUid } from '../../database/characters/uid';

/** The relations of chat entries to a row, with their targets. A column of the entry's row stores each relation. */
const targets = {
  user: 'plugin::users-permissions.user',
  session: 'api::chat-session.chat-session',
} as const;

type Target = (typeof targets)[keyof typeof targets];

type Data = Readonly<Record<string, unknown>>;

/**
 * Converts the relations of a chat entry that a client saves through Strapi, for example with an API token. The client
 * may write them in every way that Strapi knows. The columns store row ids, but for a character its documentId,
 * because its rows are replaced. Strapi itself fails with documentIds and with `connect`.
 */
export function linkToSingleRows(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    if (chatUids.has(context.uid) && (context.action === 'create' || context.action === 'update')) {
      const { data } = context.params as { data?: Data };
      if (data !== undefined) Object.assign(context.params, { data: await withSingleLinks(strapi, data) });
    }
    return next();
  });
}

async function withSingleLinks(strapi: Core.Strapi, data: Data): Promise<Data> {
  const { user, session, ai_character, ai_character_document_id: _ours, ...rest } = data;
  const links: Record<string, unknown> = {};
  for (const [name, relation] of Object.entries({ user, session })) {
    const reference = toReference(relation);
    const target = targets[name as keyof typeof targets];
    if (reference !== undefined) links[name] = await toRow(strapi, target, reference);
  }
  const character = toReference(ai_character);
  if (character !== undefined) links['ai_character_document_id'] = await toCharacter(strapi, character);
  return { ...rest, ...links };
}

/**
 * Returns what a relation names, by any id. Returns null for no entry, and undefined if the relation stays as it is.
 */
function toReference(relation: unknown): unknown {
  if (Array.isArray(relation)) return relation.length === 0 ? null : toReference(relation.at(-1));
  if (typeof relation !== 'object' || relation === null) return relation;
  const { documentId, id, set, connect, disconnect } = relation as Data;
  const named = documentId ?? id;
  if (named !== undefined) return named;
  if (set !== undefined) return toReference(set);
  // Forms send an empty list in both for a relation that nobody has changed.
  const isNamed = (list: unknown) => (toReference(list) ?? null) !== null;
  if (isNamed(connect)) return toReference(connect);
  return isNamed(disconnect) ? null : undefined;
}

/** Returns the row id of a reference. A reference to no entry stays, so that Strapi refuses it. */
async function toRow(strapi: Core.Strapi, target: Target, reference: unknown): Promise<unknown> {
  if (typeof reference !== 'string' && typeof reference !== 'number') return reference;
  const text = String(reference);
  const where = isRowId(text) ? { id: Number(text) } : { documentId: text };
  const row: unknown = await strapi.db.query(target).findOne({ where, select: ['id'] });
  return (row as { id: number } | null)?.id ?? reference;
}

/**
 * Returns the documentId of the character.
 * @throws ValidationError if the character does not exist.
 */
async function toCharacter(strapi: Core.Strapi, reference: unknown): Promise<string | null> {
  if (reference === null) return null;
  const text = typeof reference === 'string' || typeof reference === 'number' ? String(reference) : '';
  const where = isRowId(text) ? { numeric_id: Number(text) } : { documentId: text };
  const row: unknown = await strapi.db.query(characterUid).findOne({ where, select: ['documentId'] });
  if (row === null)
    throw new errors.ValidationError('ai_character must name an AI character by its documentId or id.');
  return (row as { documentId: string }).documentId;
}
