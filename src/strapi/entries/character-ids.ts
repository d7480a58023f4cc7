import type { Core } from '@strapi/strapi';

import { findNumericIds, nextNumericId } from '../../database/characters/numbers';
import { entriesOf, toNumericIds, type Schema, type Schemas } from './character-id-params';

const characterUid = 'api::ai-character.ai-character';

type Data = Record<string, unknown>;

/**
 * Every character has a `numeric_id` that never changes. Strapi copies it from the draft to the published row and back,
 * but to a clone as well, which needs one of its own. Nobody chooses or changes one.
 */
export function giveNumericIds(strapi: Core.Strapi): void {
  strapi.documents.use(async ({ uid, action, params }, next) => {
    const { data } = params as { data?: Data };
    if (uid !== characterUid) return next();
    if (action === 'clone' || (action === 'create' && data !== undefined)) {
      Object.assign(params, { data: { ...data, numeric_id: await nextNumericId(strapi.db) } });
    } else if (action === 'update' && data !== undefined) {
      const { numeric_id: _chosen, ...rest } = data;
      Object.assign(params, { data: rest });
    }
    return next();
  });
}

interface Sanitizers {
  output(data: unknown, schema: Schema, options?: object): Promise<unknown>;
  query(query: Data, schema: Schema, options?: object): Promise<Data>;
}

/**
 * Strapi's own routes show and understand row ids, which change with every publish. Where they are about a character,
 * also one that another entry is populated with, this puts its `numeric_id` in their place.
 */
export function showNumericIds(strapi: Core.Strapi): void {
  const sanitizers = strapi.contentAPI.sanitize as unknown as Sanitizers;
  const { output, query } = sanitizers;
  const schemas: Schemas = { characterUid, getSchema: (uid) => strapi.getModel(uid as never) as Schema };
  sanitizers.query = async (asked, schema, options) =>
    toNumericIds(await query(asked, schema, options), schema, schemas);
  sanitizers.output = async (data, schema, options) => {
    const shown = await output(data, schema, options);
    const characters = entriesOf(shown, schema, schemas);
    if (characters.length === 0) return shown;
    const ids = await findNumericIds(
      strapi.db,
      characters.map(({ documentId }) => String(documentId)),
    );
    for (const character of characters) character['id'] = ids.get(String(character['documentId'])) ?? null;
    return shown;
  };
}
