import { isDeepStrictEqual } from 'node:util';

import type { Core } from '@strapi/strapi';

import type { UpstreamKind } from '../../chat';
import { createKeySeal, type KeySeal } from '../../database/characters/key-seal';
import {
  emptyToNull,
  keyField,
  keyMask,
  parseUpstreamFields,
  toFieldError,
  upstreamFieldNames,
  type UpstreamFields,
  type UpstreamRules,
} from './fields';
import { createMask, maskAdminReplies, maskRelations, type Mask } from './mask';
import { hideKeyFromLocales, refuseQueries } from './queries';
import { characterUid } from '../../database/characters/uid';

type Data = Readonly<Record<string, unknown>>;

/**
 * Checks the fields of a character that choose who answers, encrypts its API key, and hides the key from all readers.
 * A reply shows a mask in place of a saved key. It shows null for a key that ENCRYPTION_KEY does not decrypt, for
 * example after an import. Strapi copies the encrypted key between draft, published row and clone.
 */
export function keepUpstreamKeys(strapi: Core.Strapi, rules: UpstreamRules): void {
  const seal = createKeySeal(strapi);
  const mask = createMask(strapi, seal);
  strapi.documents.use(async (context, next) => {
    const { data, documentId } = context.params as { data?: Data; documentId?: string };
    if (context.uid === characterUid && data !== undefined) {
      const shown = await findShown(strapi, { mask, seal }, documentId);
      Object.assign(context.params, { data: toSaved(data, shown, { seal, rules }) });
    }
    const result: unknown = await next();
    mask(context.uid, toEntries(result));
    return result as never;
  });
  maskAdminReplies(strapi, mask);
  maskRelations(strapi, mask);
  refuseQueries(strapi);
  hideKeyFromLocales(strapi);
}

/** The fields of the draft as an editor sees them. */
interface Shown {
  readonly fields: Data;
  /** The kind of upstream that the saved key was entered for. Null without a key that can be decrypted. */
  readonly savedFor: UpstreamKind | null;
}

/** Returns the fields of the draft. For a clone, it is the draft of the source. */
async function findShown(
  strapi: Core.Strapi,
  { mask, seal }: { readonly mask: Mask; readonly seal: KeySeal },
  documentId: string | undefined,
): Promise<Shown> {
  if (documentId === undefined) return { fields: {}, savedFor: null };
  const where = { documentId, publishedAt: null };
  const draft = (await strapi.db
    .query(characterUid)
    .findOne({ where, select: [...upstreamFieldNames] })) as Record<string, unknown> | null;
  if (draft === null) return { fields: {}, savedFor: null };
  const sealed = draft[keyField];
  const savedFor = typeof sealed === 'string' ? (seal.unseal(sealed)?.kind ?? null) : null;
  mask(characterUid, draft);
  return { fields: draft, savedFor };
}

interface Saving {
  readonly seal: KeySeal;
  readonly rules: UpstreamRules;
}

/**
 * Returns the data with only those of these fields that change. So the mask keeps the key. An unreadable key, which
 * shows as null, stays until somebody enters a new one.
 * @throws ValidationError naming each wrong field. A save that changes none of the fields is not checked.
 */
function toSaved(data: Data, shown: Shown, { seal, rules }: Saving): Data {
  const isOurs = (name: string) => (upstreamFieldNames as readonly string[]).includes(name);
  const rest: Data = Object.fromEntries(Object.entries(data).filter(([name]) => !isOurs(name)));
  const changed = upstreamFieldNames.filter((name) => isChange(name, data[name], shown.fields[name]));
  if (changed.length === 0) return rest;
  const given = Object.fromEntries(changed.map((name) => [name, data[name]]));
  const fields = parseUpstreamFields({ ...shown.fields, ...given }, rules, shown.savedFor);
  const saved = changed.map((name) => [name, name === keyField ? sealKey(seal, fields) : fields[name]]);
  return { ...rest, ...(Object.fromEntries(saved) as Data) };
}

function isChange(name: keyof UpstreamFields, given: unknown, shown: unknown): boolean {
  if (given === undefined || (name === keyField && given === keyMask)) return false;
  return !isDeepStrictEqual(emptyToNull(given), emptyToNull(shown));
}

function sealKey(seal: KeySeal, { upstream: kind, upstream_key: key }: UpstreamFields): string | null {
  // The rules refuse a key without a kind.
  if (key === null || kind === null) return null;
  const sealed = seal.seal({ kind, key });
  if (sealed !== null) return sealed;
  const message =
    'The server cannot encrypt an API key without ENCRYPTION_KEY. ' +
    'Set ENCRYPTION_KEY, e.g. with "npm run secrets", and restart the server.';
  throw toFieldError([{ field: keyField, message }]);
}

/** Some actions return the document with a list of its entries. */
function toEntries(result: unknown): unknown {
  const { entries } = (result ?? {}) as { entries?: unknown };
  return Array.isArray(entries) ? entries : result;
}
