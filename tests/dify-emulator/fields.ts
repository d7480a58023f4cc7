import { z } from 'zod';
import type { DifyError } from './errors';
import { invalidParam } from './errors';
import type { Profile } from './frames';

export const uuidPattern = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu;

/** A UUID, or one of the values that mean "none". */
export const optionalUuid = z
  .union([z.literal(''), z.null(), z.string().regex(uuidPattern)])
  .optional()
  .transform((id) => id || undefined);

export const givenFiles = z
  .array(z.record(z.string(), z.unknown()))
  .nullish()
  .transform((files) => files ?? []);

export const limit = z.coerce.number().int().min(1).max(100).default(20);

/** The source of the fields and pydantic's name of the model. Error messages contain them. */
export type FieldsSource = {
  readonly profile: Profile;
  readonly model: string;
  readonly from: 'JSON body' | 'query string';
};

/** Parses a body or a query string. @throws DifyError with the error message of the profile. */
export function parseFields<T>(
  schema: z.ZodType<T>,
  input: Readonly<Record<string, unknown>>,
  source: FieldsSource,
): T {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => toProblem(issue, input));
  throw source.profile === '0.15' ? asReqparse(problems, source) : asPydantic(problems, source, input);
}

type Problem = { readonly field: string; readonly value: unknown; readonly issue: z.core.$ZodIssue };

function toProblem(issue: z.core.$ZodIssue, input: Readonly<Record<string, unknown>>): Problem {
  const field = String(issue.path[0] ?? '');
  return { field, value: input[field], issue };
}

/** Returns the error of 0.15: only the first problem, with the name of its field, without `status`. */
function asReqparse(problems: readonly Problem[], { from }: FieldsSource): DifyError {
  const [problem] = problems;
  if (!problem) return invalidParam('Input payload validation failed');
  const { field, value, issue } = problem;
  if (value === undefined) return invalidParam(`Missing required parameter in the ${from}`, field);
  if (field === 'limit' && (issue.code === 'too_small' || issue.code === 'too_big')) {
    return invalidParam(
      `Invalid argument: ${shown(value)}. argument must be within the range 1 - 100`,
      field,
    );
  }
  if (field.endsWith('_id')) return invalidParam(`${shown(value)} is not a valid uuid.`, field);
  if (field === 'limit') return invalidParam(`${shown(value)} is not a valid integer`, field);
  return invalidParam(`${shown(value)} is not a valid choice`, field);
}

/** Returns the error of 1.x: its message is the report of pydantic. A missing field is reported with the whole input. */
function asPydantic(
  problems: readonly Problem[],
  { model }: FieldsSource,
  input: Readonly<Record<string, unknown>>,
): DifyError {
  const count = `${problems.length} validation error${problems.length === 1 ? '' : 's'} for ${model}`;
  const lines = problems.map((problem) => {
    const [kind, text] = pydanticKind(problem);
    const value = problem.value === undefined ? input : problem.value;
    const given = `input_value=${shortened(pythonRepr(value))}, input_type=${pythonType(value)}`;
    const help = `    For further information visit https://errors.pydantic.dev/2.11/v/${kind}`;
    return `${problem.field}\n  ${text} [type=${kind}, ${given}]\n${help}`;
  });
  return invalidParam([count, ...lines].join('\n'));
}

function pydanticKind({ field, value, issue }: Problem): readonly [string, string] {
  if (value === undefined) return ['missing', 'Field required'];
  if (issue.code === 'too_small') return ['greater_than_equal', 'Input should be greater than or equal to 1'];
  if (issue.code === 'too_big') return ['less_than_equal', 'Input should be less than or equal to 100'];
  if (field.endsWith('_id')) return ['value_error', `Value error, ${field} must be a valid UUID`];
  if (issue.code === 'invalid_value') {
    return [
      'literal_error',
      `Input should be ${issue.values.map((choice) => `'${String(choice)}'`).join(' or ')}`,
    ];
  }
  if (field === 'limit') return ['int_parsing', 'Input should be a valid integer'];
  if (issue.code === 'invalid_type' && issue.expected === 'string')
    return ['string_type', 'Input should be a valid string'];
  return ['dict_type', 'Input should be a valid dictionary'];
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Writes a value as Python's `repr`. */
function pythonRepr(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value as object)
    .map(([key, field]) => `${pythonRepr(key)}: ${pythonRepr(field)}`)
    .join(', ')}}`;
}

/** Keeps the first 25 and the last 24 bytes, as pydantic does. */
function shortened(repr: string): string {
  const bytes = Buffer.from(repr);
  return bytes.length <= 50
    ? repr
    : `${bytes.subarray(0, 25).toString()}...${bytes.subarray(-24).toString()}`;
}

function pythonType(value: unknown): string {
  if (value === null) return 'NoneType';
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  return { string: 'str', boolean: 'bool' }[typeof value as string] ?? 'dict';
}
