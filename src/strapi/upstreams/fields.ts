import { errors } from '@strapi/utils';
import { z } from 'zod';

import { boundedJson, isUuid, toStorableJson, upstreamKinds, type UpstreamKind } from '../../chat';
import { findWrongParameters } from '../../upstream/openai/parameters';
import { characterLabels } from '../startup/admin-views';

/** The API key, for which the other files of this folder have rules of its own. */
export const keyField = 'upstream_key';

/** Stands for a saved API key wherever a reply would show it. Saving it keeps the key. */
export const keyMask = '********';

const maxKeyChars = 1_000;
const maxJsonChars = 20_000;

/** Returns null for an empty text, which the admin panel sends for an emptied field. */
export const emptyToNull = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? null : (value ?? null);

const text = (maxChars: number) =>
  z.preprocess(
    emptyToNull,
    z.string('must be text').trim().max(maxChars, `can be at most ${maxChars} characters long`).nullable(),
  );

const key = z
  .string('must be text')
  .trim()
  .max(maxKeyChars, `can be at most ${maxKeyChars} characters long`)
  .regex(/^[\x21-\x7e]+$/u, 'must be one word of printable ASCII, because it goes into an HTTP header')
  .refine(
    (value) => value === keyMask || !value.includes(keyMask),
    `still contains ${keyMask}. Empty the field, then enter the key`,
  );

const jsonObject = z.preprocess(
  (value) => fromJsonText(emptyToNull(value)),
  boundedJson(
    z.record(z.string(), z.unknown(), 'must be a JSON object, e.g. {"name": "value"}').nullable(),
    maxJsonChars,
  ).transform((value) => toStorableJson(value) as Readonly<Record<string, unknown>> | null),
);

/** The admin panel sends an edited JSON field as text. */
function fromJsonText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

/** The fields of a character that choose who answers. */
const schema = z.object({
  upstream: z.preprocess(
    emptyToNull,
    z.enum(upstreamKinds, `must be one of ${upstreamKinds.join(', ')}, or empty`).nullable(),
  ),
  // The id of an upstream contains it, and must fit into a column of 255 characters.
  upstream_app_id: text(200),
  upstream_key: z.preprocess(emptyToNull, key.nullable()),
  model_provider: text(255),
  model: text(255),
  model_parameters: jsonObject,
  inputs: jsonObject,
});

export type UpstreamFields = z.infer<typeof schema>;

export const upstreamFieldNames = Object.keys(schema.shape) as (keyof UpstreamFields)[];

export interface UpstreamRules {
  /** Who answers for characters that choose nothing. */
  readonly defaultKind: UpstreamKind;
  /** Whether the settings name an app of Dify's console for characters without one. */
  readonly hasDefaultApp: boolean;
}

/**
 * Checks all fields of a character together, and returns them as they are saved.
 * @param savedFor the kind of upstream that the saved key was entered for; null without a saved key.
 * @throws ValidationError naming each wrong field. The admin panel shows its problem below the input.
 */
export function parseUpstreamFields(
  given: Readonly<Partial<Record<keyof UpstreamFields, unknown>>>,
  rules: UpstreamRules,
  savedFor: UpstreamKind | null,
): UpstreamFields {
  const parsed = schema.safeParse(given);
  const problems = parsed.success
    ? findConflicts(parsed.data, rules, savedFor)
    : parsed.error.issues.map(({ path, message }) => ({ field: path[0] as keyof UpstreamFields, message }));
  if (parsed.success && problems.length === 0) return parsed.data;
  throw toFieldError(
    problems.map(({ field, message }) => ({
      field,
      message: `"${characterLabels[field][0]}" ${message}.`,
    })),
  );
}

export interface FieldProblem {
  readonly field: keyof typeof characterLabels;
  readonly message: string;
}

/** @param problems whole sentences. */
export function toFieldError(problems: readonly FieldProblem[]): Error {
  const sentences = problems.map(({ message }) => message);
  const details = problems.map(({ field, message }) => ({ path: [field], message, name: 'ValidationError' }));
  return new errors.ValidationError(sentences.join(' '), { errors: details });
}

/** Finds fields that do not fit to who answers. */
function findConflicts(
  fields: UpstreamFields,
  { defaultKind, hasDefaultApp }: UpstreamRules,
  savedFor: UpstreamKind | null,
): FieldProblem[] {
  const kind = fields.upstream ?? defaultKind;
  const messages = {
    upstream_app_id: kind === 'dify-console' ? findAppConflict(fields, hasDefaultApp) : null,
    upstream_key: findKeyConflict(fields, savedFor),
    model_parameters: kind === 'openai' ? findParameterConflict(fields) : null,
  };
  return Object.entries(messages).flatMap(([field, message]) =>
    message === null ? [] : [{ field: field as keyof UpstreamFields, message }],
  );
}

function findAppConflict({ upstream_app_id: appId }: UpstreamFields, hasDefaultApp: boolean): string | null {
  if (appId === null ? hasDefaultApp : isUuid(appId)) return null;
  return 'must be a UUID for dify-console. Copy the part after /app/ in the address of the app in Dify';
}

/** A key is only for the service that it was entered for. */
function findKeyConflict({ upstream, upstream_key: key }: UpstreamFields, savedFor: UpstreamKind | null) {
  if (key === null) return null;
  if (upstream === null)
    return (
      `cannot be saved while "${characterLabels.upstream[0]}" is empty, because the default can change. ` +
      'Choose who answers, or empty this field'
    );
  if (upstream === 'dify-console')
    return 'must be empty for dify-console, which logs in with the account of the settings';
  return key === keyMask && savedFor !== upstream
    ? `was entered for ${savedFor}. Enter the key for ${upstream}, or empty the field`
    : null;
}

function findParameterConflict({ model_parameters: parameters }: UpstreamFields): string | null {
  const wrong = findWrongParameters(parameters ?? {});
  return wrong.length === 0 ? null : `has values that no model takes. Change these: ${wrong.join(', ')}`;
}
