import { z } from 'zod';

// Reads settings from environment variables. Each variable is a text.

/** Lists all problems with the names of their variables, so that an operator can fix them together. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    // `server.js` finds the problems by the first line.
    super(['The settings are not complete:', ...problems.map((problem) => `  - ${problem}.`)].join('\n'));
    this.name = 'SettingsError';
    this.problems = problems;
    // The message is for the operator. A stack trace does not help and would print the message twice.
    this.stack = '';
  }
}

/** Removes empty variables. In a `.env` file, `NAME=` means "not set". */
export function withoutBlanks(variables: unknown): unknown {
  if (typeof variables !== 'object' || variables === null) return {};
  return Object.fromEntries(
    Object.entries(variables)
      .map(([name, value]: [string, unknown]) => [name, typeof value === 'string' ? value.trim() : value])
      .filter(([, value]) => value !== '' && value !== undefined),
  );
}

export const count = (fallback: number, max: number, min = 1) =>
  z.coerce
    .number('must be a whole number')
    .int('must be a whole number')
    .min(min, `must be at least ${min}`)
    .max(max, `can be at most ${max}`)
    .default(fallback);

export const flag = (fallback: boolean) => z.stringbool('must be true or false').default(fallback);

export const text = (fallback: string) => z.string().default(fallback);

/** A size. The pattern is strict, because Strapi treats an unreadable size as "no limit". */
export const size = z
  .string()
  .regex(
    /^(?:[1-9]\d{0,8}b?|[1-9]\d{0,5}kb|[1-9]\d{0,2}mb)$/iu,
    'must be a whole number of b, kb or mb, at most 999mb, e.g. 512kb',
  );

/** Converts a size to bytes. */
export function toBytes(text: string): number {
  const unit = { kb: 2 ** 10, mb: 2 ** 20 }[text.slice(-2).toLowerCase()] ?? 1;
  return parseInt(text, 10) * unit;
}

/** Matches a web origin. App schemes (`capacitor://localhost`) are origins too. */
const origin = /^(\*|null|[a-z][a-z0-9+.-]*:\/\/[^\s/,]+)$/iu;

/** Web origins, separated by commas. The default is all origins. */
export const origins = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine(
    (all) => all.every((one) => origin.test(one)),
    'must be web origins, e.g. https://app.example, or *',
  )
  .default(['*']);

/** Addresses of servers, separated by commas. A header contains them, so they have no other characters. */
export const servers = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine(
    (all) => all.every((one) => /^https?:\/\/[\w.*-]+(:\d+)?$/iu.test(one)),
    'must be the addresses of servers, e.g. https://pictures.example',
  )
  .default([]);

/**
 * Words separated by commas, in lower case.
 * @param isWord matches one word. @param problem says what each must be.
 */
export const words = (isWord: RegExp, problem: string, fallback: readonly string[]) =>
  z
    .string()
    .transform((text) => text.split(',').map((word) => word.trim().toLowerCase()))
    .refine((all) => all.every((word) => isWord.test(word)), problem)
    .default([...fallback]);

/**
 * Checks variables. Each is a text or not set.
 * @throws SettingsError which lists every problem.
 */
export function parseVariables<Schema extends z.ZodType>(
  schema: Schema,
  variables: unknown,
): z.infer<Schema> {
  const result = schema.safeParse(withoutBlanks(variables));
  if (result.success) return result.data;
  throw new SettingsError(problemsOf(result.error));
}

/**
 * Reads and checks the variables of `shape`, for a file in `config/`.
 * @throws SettingsError which lists every problem.
 */
export function readVariables<Shape extends z.ZodRawShape>(env: (name: string) => unknown, shape: Shape) {
  return parseVariables(z.object(shape), valuesOf(env, Object.keys(shape)));
}

/** Returns the variables with these names, unchecked. */
export function valuesOf(env: (name: string) => unknown, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, env(name)]));
}

/** One setting: its variable and the schema that checks it. */
interface Setting<Schema extends z.ZodType = z.ZodType> {
  readonly variable: string;
  readonly schema: Schema;
}

/** Settings by name, in groups. */
export interface SettingsTable {
  readonly [name: string]: Setting | SettingsTable;
}

/** The values of a table of settings. */
export type SettingsOf<Table> =
  Table extends Setting<infer Schema>
    ? z.infer<Schema>
    : { readonly [Name in keyof Table]: SettingsOf<Table[Name]> };

export function setting<Schema extends z.ZodType>(variable: string, schema: Schema): Setting<Schema> {
  return { variable, schema };
}

/** Returns the names of the variables that a table reads, in its order. */
export function variablesOf(table: SettingsTable): string[] {
  return Object.keys(schemasOf(table));
}

/**
 * Reads the settings of a table from variables. Each is a text or not set.
 * @param findMissing returns a problem for each variable that must be set because of the values of others.
 * @throws SettingsError which lists every problem.
 */
export function parseSettings<Table extends SettingsTable>(
  table: Table,
  variables: unknown,
  findMissing: (given: Readonly<Record<string, unknown>>) => readonly string[] = () => [],
): SettingsOf<Table> {
  const given = withoutBlanks(variables) as Record<string, unknown>;
  const result = z.object(schemasOf(table)).safeParse(given);
  const problems = [...(result.success ? [] : problemsOf(result.error)), ...findMissing(given)];
  if (!result.success || problems.length > 0) throw new SettingsError(problems);
  return fill(table, result.data) as SettingsOf<Table>;
}

const problemsOf = ({ issues }: z.ZodError): string[] =>
  issues.map(({ path, message }) => `${path.join('.')} ${message}`);

function schemasOf(table: SettingsTable): Record<string, z.ZodType> {
  return Object.assign(
    {},
    ...Object.values(table).map((row) => (isSetting(row) ? { [row.variable]: row.schema } : schemasOf(row))),
  ) as Record<string, z.ZodType>;
}

function fill(table: SettingsTable, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(table).map(([name, row]) => [
      name,
      isSetting(row) ? values[row.variable] : fill(row, values),
    ]),
  );
}

function isSetting(row: Setting | SettingsTable): row is Setting {
  return typeof row.variable === 'string';
}
