import { createHash } from 'node:crypto';

import { parseJsonColumn } from '../../sql/json-column';

const textFields = [
  'name',
  'prompt',
  'introduce',
  'opening_statement',
  'upstream',
  'upstream_app_id',
  'model_provider',
  'model',
] as const;
const jsonFields = ['suggested_questions', 'model_parameters', 'inputs'] as const;

/** The columns of `ai_characters` that make the answer, without the API key. */
export const versionFieldNames = [...textFields, ...jsonFields] as const;

export type VersionFieldName = (typeof versionFieldNames)[number];

/** The values of one version. JSON fields are values, and not texts. */
export type VersionFields = Readonly<Record<VersionFieldName, unknown>>;

/** A row of `ai_characters`, as the database or the Document Service returns it. */
export type CharacterColumns = Readonly<Partial<Record<VersionFieldName, unknown>>>;

/** Returns the fields of a character. An emptied text of the admin panel counts as null. */
export function toVersionFields(row: CharacterColumns): VersionFields {
  const texts = textFields.map((name) => [name, row[name] === '' ? null : (row[name] ?? null)]);
  const values = jsonFields.map((name) => [name, parseJsonColumn(row[name])]);
  return Object.fromEntries([...texts, ...values]) as VersionFields;
}

/** Returns the same hash for the same values. PostgreSQL changes the order of keys in JSON. */
export function hashOf(fields: VersionFields): string {
  return createHash('sha256').update(JSON.stringify(fields, sortKeys)).digest('hex');
}

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)));
}
