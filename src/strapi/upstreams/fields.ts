import { errors } from '@strapi/utils';
import { z } from 'zod';

import { boundedJson, isUuid, toStorableJson, upstreamKinds } from '../../chat';
import { findWrongParameters } from '../../upstream/openai/parameters';
import { characterLabels } from '../startup/admin-views';

/** The API key, for which the other files of this folder have rules of its own. */
export const keyField = 'upstream_key';

/** Stands for a saved API key wherever a reply would show it. Saving it keeps the key. */
export const keyMask = '********';

const maxKeyChars = 1_000;
const maxJsonChars = 20_000;

/** Returns null for an empty text, which the admin panel sends for an emptied field. */
const emptyToNull = (value: unknown): unknown =>
  typeof value === 'string' && value.trim() === '' ? null : (value ?? null);

const text = z.preprocess(
  emptyToNull,
  z.string('must be text').trim().max(255, 'can be at most 255 characters long').nullable(),
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
  upstream_app_id: text,
  upstream_key: z.preprocess(emptyToNull, key.nullable()),
  model_provider: text,
  model: text,
  model_parameters: jsonObject,
  inputs: jsonObject,
});

export type UpstreamFields = z.infer<typeof schema>;

export const upstreamFieldNames = Object.keys(schema.shape) as (keyof UpstreamFields)[];

export interface UpstreamRules {
  /** Whether the settings name an app of Dify's console for characters without one. */
  readonly hasDefaultApp: boolean;
}

/**
 * Checks all fields of a character together, and returns them as they are saved.
 * @throws ValidationError naming each wrong field. The admin panel shows its problem below the input.
 */
export function parseUpstreamFields(
  given: Readonly<Partial<Record<keyof UpstreamFields, unknown>>>,
  rules: UpstreamRules,
): UpstreamFields {
  const parsed = schema.safeParse(given);
  const problems = parsed.success
    ? findConflicts(parsed.data, rules)
    : parsed.error.issues.map(({ path, message }) => ({ field: path[0] as keyof UpstreamFields, message }));
  if (parsed.success && problems.length === 0) return parsed.data;
  throw toFieldError(
    problems.map(({ field, message }) => ({
      field,
      message: `"${characterLabels[field][0]}" ${message}.`,
    })),
  );
}

interface FieldProblem {
  readonly field: keyof UpstreamFields;
  readonly message: string;
}

/** @param problems whole sentences. */
export function toFieldError(problems: readonly FieldProblem[]): Error {
  const sentences = problems.map(({ message }) => message);
  const details = problems.map(({ field, message }) => ({ path: [field], message, name: 'ValidationError' }));
  return new errors.ValidationError(sentences.join(' '), { errors: details });
}

/** Finds fields that do not fit to the kind of upstream. */
function findConflicts(fields: UpstreamFields, { hasDefaultApp }: UpstreamRules): FieldProblem[] {
  if (fields.upstream === 'dify-console') return findConsoleConflicts(fields, hasDefaultApp);
  const wrong = fields.upstream === 'openai' ? findWrongParameters(fields.model_parameters ?? {}) : [];
  const message = `has values that no model takes. Change these: ${wrong.join(', ')}`;
  return wrong.length === 0 ? [] : [{ field: 'model_parameters', message }];
}

function findConsoleConflicts(fields: UpstreamFields, hasDefaultApp: boolean): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { upstream_app_id: appId } = fields;
  if (appId === null ? !hasDefaultApp : !isUuid(appId)) {
    const message =
      'must be a UUID for dify-console. Copy the part after /app/ in the address of the app in Dify';
    problems.push({ field: 'upstream_app_id', message });
  }
  if (fields.upstream_key !== null) {
    const message = 'must be empty for dify-console, which logs in with the account of the settings';
    problems.push({ field: 'upstream_key', message });
  }
  return problems;
}
