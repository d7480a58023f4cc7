import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { fillCharacterTexts } from '../../chat';
import { isAppUser } from '../../http/owner';
import { findMainRows, nextNumericId, type MainRows } from '../../database/characters/numbers';
import { entriesOf, toNumericIds, type Schema, type Schemas } from './character-id-params';
import { characterUid } from '../../database/characters/uid';

type Data = Record<string, unknown>;

/**
 * Gives every character a `numeric_id` that never changes. Strapi copies it between the draft and the published row.
 * It also copies it to a clone, so this gives the clone its own. No client can choose or change it.
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
 * Shows a character's `numeric_id` in place of its row id in Strapi's own routes. A row id changes with every publish.
 * The routes also understand it in queries. This includes characters that another entry is populated with.
 * The texts of these characters have their macros filled in, as in the chat's own replies.
 * @param namesUsers whether `{{user}}` is the name of the user who reads.
 */
export function showNumericIds(strapi: Core.Strapi, namesUsers: boolean): void {
  const sanitizers = strapi.contentAPI.sanitize as unknown as Sanitizers;
  const { output, query } = sanitizers;
  const schemas: Schemas = { characterUid, getSchema: (uid) => strapi.getModel(uid as never) as Schema };
  sanitizers.query = async (asked, schema, options) =>
    toNumericIds(await query(asked, schema, options), schema, schemas);
  sanitizers.output = async (data, schema, options) => {
    const shown = await output(data, schema, options);
    const characters = entriesOf(shown, schema, schemas);
    if (characters.length === 0) return shown;
    const main = await findMainRows(
      strapi.db,
      characters.map(({ documentId }) => String(documentId)),
    );
    const user = namesUsers ? readUsername(strapi) : undefined;
    for (const character of characters)
      Object.assign(character, toShown(character, main.get(String(character['documentId'])), user));
    return shown;
  };
}

/** Returns the id and the texts that replies show. The prompt has the same name in every locale. */
function toShown(character: Data, main: MainRows | undefined, user: string | undefined): Data {
  const shown = { ...fillCharacterTexts(character, user), id: main?.id ?? null };
  if (typeof character['prompt'] !== 'string') return shown;
  const mainName = character['publishedAt'] === null ? main?.draftName : main?.publishedName;
  const name = mainName ?? (character['name'] as string | null | undefined) ?? null;
  return { ...shown, prompt: fillCharacterTexts({ name, prompt: character['prompt'] }, user).prompt };
}

/** Returns undefined for a request without a user, e.g. of an API token. */
function readUsername(strapi: Core.Strapi): string | undefined {
  const request = strapi.requestContext.get() as unknown as Context | undefined;
  if (request === undefined || !isAppUser(request)) return undefined;
  return (request.state['user'] as { readonly username?: string } | undefined)?.username;
}
