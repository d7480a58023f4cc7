/**
 * Parses Strapi's REST filters (`filters[query][$containsi]=…`) by a closed grammar: known fields, known operators,
 * values of the right kind. Refuses everything else with a sentence that says what to change. So a client cannot reach
 * other columns or relations, and cannot cause a database error.
 */
import { ChatError } from '../../errors';
import { spellingsOf } from '../../shared/id-spellings';
import { toStorableText } from '../../shared/storable-text';
import type { Comparison, TextMatch, Filter, Value } from '../../model/filter';

/**
 * `id`: a text that can be a UUID. `reference`: an id with several equivalent forms, so it can be compared but not
 * ordered. Equality of both also finds a UUID that the client writes in upper case.
 */
export type FieldKind = 'text' | 'id' | 'integer' | 'date' | 'boolean' | 'reference';

/** The fields that a client may name, by their path from the root (`ai_character.id`). */
export type FieldKinds = Readonly<Record<string, FieldKind>>;

const maxConditions = 100;
/** Each text search reads every message of the owner, which is slow. */
const maxTextMatches = 10;
const maxDepth = 10;
const maxTextChars = 1000;

/**
 * @param filters the filters of the query string, parsed by `qs`: objects, arrays and strings from an untrusted client.
 * @throws ChatError `invalid-request` with the name of the wrong part.
 */
export function parseFilters(filters: unknown, fields: FieldKinds): Filter {
  let conditions = 0;
  let textMatches = 0;
  return parseGroup(filters, { path: '', name: 'filters', depth: 0 });

  function parseGroup(input: unknown, at: Place): Filter {
    if (at.depth > maxDepth) throw refuse(at, `is nested more than ${maxDepth} levels deep`);
    const entries = Object.entries(asObject(input, at));
    return { kind: 'all', filters: entries.map(([key, value]) => parseEntry(key, value, within(at, key))) };
  }

  function parseEntry(key: string, value: unknown, at: Place): Filter {
    if (key === '$and') return { kind: 'all', filters: parseList(value, at) };
    if (key === '$or') return { kind: 'any', filters: parseList(value, at) };
    if (key === '$not') return { kind: 'not', filter: parseGroup(value, at) };
    const path = at.path === '' ? key : `${at.path}.${key}`;
    const kind = Object.hasOwn(fields, path) ? fields[path] : undefined;
    if (kind !== undefined) return parseConditions({ field: path, kind }, value, at);
    const isRelation = Object.keys(fields).some((field) => field.startsWith(`${path}.`));
    if (!isRelation) throw refuse(at, 'is not a field you can filter by');
    // filters[ai_character]=1 and filters[ai_character][$eq]=1 refer to the id.
    if (!isPlainObject(value) || Object.keys(value).every((name) => Object.hasOwn(operators, name))) {
      return parseConditions({ field: `${path}.id`, kind: 'reference' }, value, at);
    }
    return parseGroup(value, { ...at, path });
  }

  function parseList(value: unknown, at: Place): Filter[] {
    return asList(value).map((item, index) => parseGroup(item, within(at, String(index))));
  }

  function parseConditions(target: Target, value: unknown, at: Place): Filter {
    if (!isPlainObject(value)) return parseCondition(target, '$eq', value, at);
    const filters = Object.entries(value).map(([operator, operand]) =>
      parseCondition(target, operator, operand, within(at, operator)),
    );
    return { kind: 'all', filters };
  }

  function parseCondition(target: Target, operator: string, operand: unknown, at: Place): Filter {
    conditions += 1;
    if (conditions > maxConditions)
      throw refuse(at, `exceeds the limit of conditions: at most ${maxConditions}`);
    if (operator === '$not') return { kind: 'not', filter: parseConditions(target, operand, at) };
    const parse = Object.hasOwn(operators, operator) ? operators[operator] : undefined;
    if (parse === undefined) throw refuse(at, 'is not an operator');
    const filter = parse(target, operand, at);
    if (isText(target) && looksThroughText(operator)) textMatches += 1;
    if (textMatches > maxTextMatches)
      throw refuse(at, `searches text too often: at most ${maxTextMatches} times`);
    return filter;
  }
}

interface Target {
  readonly field: string;
  readonly kind: FieldKind;
}

/** The current place in the query string. `path` names the field so far, `name` is the client's spelling. */
interface Place {
  readonly path: string;
  readonly name: string;
  readonly depth: number;
}

type ParseOperator = (target: Target, operand: unknown, at: Place) => Filter;

const operators: Readonly<Record<string, ParseOperator>> = {
  $eq: equals('='),
  $eqi: (target, operand, at) => matchWhole(target, operand, at),
  $ne: equals('!='),
  $nei: (target, operand, at) => ({ kind: 'not', filter: matchWhole(target, operand, at) }),
  $lt: order('<'),
  $lte: order('<='),
  $gt: order('>'),
  $gte: order('>='),
  $in: (target, operand, at) => isIn(target, operand, at),
  $notIn: (target, operand, at) => ({ kind: 'not', filter: isIn(target, operand, at) }),
  $between: (target, operand, at) => between(target, operand, at),
  $contains: match('contains', false),
  $containsi: match('contains', true),
  $notContains: not(match('contains', false)),
  $notContainsi: not(match('contains', true)),
  $startsWith: match('startsWith', false),
  $startsWithi: match('startsWith', true),
  $endsWith: match('endsWith', false),
  $endsWithi: match('endsWith', true),
  $null: (target, operand, at) => isNull(target, parseBoolean(operand, at)),
  $notNull: (target, operand, at) => isNull(target, !parseBoolean(operand, at)),
};

function looksThroughText(operator: string): boolean {
  return /contains|with|eqi|nei/iu.test(operator);
}

function equals(comparison: '=' | '!='): ParseOperator {
  return (target, operand, at) => {
    const { field } = target;
    const [value, ...others] = parseSpellings(target, operand, at);
    if (others.length === 0) return { kind: 'compare', field, comparison, value };
    const filter: Filter = { kind: 'in', field, values: [value, ...others] };
    return comparison === '=' ? filter : { kind: 'not', filter };
  };
}

function order(comparison: Exclude<Comparison, '=' | '!='>): ParseOperator {
  return (target, operand, at) => {
    if (target.kind === 'reference') throw refuse(at, 'does not apply to an id: use $eq, $ne, $in or $notIn');
    if (target.kind === 'boolean') throw refuse(at, 'does not apply to true or false: use $eq or $ne');
    return { kind: 'compare', field: target.field, comparison, value: parseValue(target, operand, at) };
  };
}

export function match(kind: TextMatch, ignoreCase: boolean): ParseOperator {
  return (target, operand, at) => {
    if (!isText(target)) throw refuse(at, 'applies to text only');
    return { kind: 'match', field: target.field, match: kind, text: parseText(operand, at), ignoreCase };
  };
}

function not(parse: ParseOperator): ParseOperator {
  return (target, operand, at) => ({ kind: 'not', filter: parse(target, operand, at) });
}

/** Ignores case. An id can also be the other id of a session, which only equality finds. */
function matchWhole(target: Target, operand: unknown, at: Place): Filter {
  const equal = () => equals('=')(target, operand, at);
  const whole = () => match('whole', true)(target, operand, at);
  if (target.kind === 'id') return { kind: 'any', filters: [whole(), equal()] };
  return isText(target) ? whole() : equal();
}

const isText = ({ kind }: Target): boolean => kind === 'text' || kind === 'id';

function isIn(target: Target, operand: unknown, at: Place): Filter {
  const list = asList(operand);
  if (list.length > maxConditions) throw refuse(at, `lists more than ${maxConditions} values`);
  return {
    kind: 'in',
    field: target.field,
    values: list.flatMap((item) => parseSpellings(target, item, at)),
  };
}

function between(target: Target, operand: unknown, at: Place): Filter {
  const list = asList(operand);
  if (list.length !== 2) throw refuse(at, 'takes two values');
  return { kind: 'all', filters: [order('>=')(target, list[0], at), order('<=')(target, list[1], at)] };
}

function isNull({ field }: Target, expected: boolean): Filter {
  const filter: Filter = { kind: 'null', field };
  return expected ? filter : { kind: 'not', filter };
}

/** Returns the value. An id that is a UUID in upper case also returns its lower case. */
function parseSpellings(target: Target, operand: unknown, at: Place): readonly [Value, ...Value[]] {
  const value = parseValue(target, operand, at);
  const isId = target.kind === 'id' || target.kind === 'reference';
  return isId ? spellingsOf(String(value)) : [value];
}

function parseValue({ kind }: Target, operand: unknown, at: Place): Value {
  const text = parseText(operand, at);
  switch (kind) {
    case 'text':
    case 'id':
    case 'reference':
      return text;
    case 'integer': {
      const number = Number(text);
      // PostgreSQL's integer has no value beyond this and would fail with a database error.
      const isInteger = /^-?\d{1,10}$/u.test(text) && Math.abs(number) <= 2_147_483_647;
      if (!isInteger) throw refuse(at, 'must be a whole number');
      return number;
    }
    case 'date':
      return parseDate(text, at);
    case 'boolean':
      if (text === '') throw refuse(at, 'must be true or false');
      return parseBoolean(text, at);
  }
}

/** Parses ISO 8601, or milliseconds since 1970. The defaults are UTC, and the beginning of the day. */
function parseDate(text: string, at: Place): Date {
  const date = /^\d{9,15}$/u.test(text) ? new Date(Number(text)) : fromIso(text);
  const year = date.getUTCFullYear();
  if (!(year >= 1 && year <= 9999)) {
    throw refuse(at, 'must be a date, e.g. 2024-01-31 or 2024-01-31T12:00:00Z');
  }
  return date;
}

const isoDate = /^(\d{4}-\d{2})(-\d{2})?([T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?)?(Z|[+-]\d{2}:?\d{2})?$/u;

/** Returns an invalid date for 31 February. JavaScript would return 2 March, which the client did not intend. */
function fromIso(text: string): Date {
  const [, month = '', day = '-01', time = 'T00:00', offset = 'Z'] = isoDate.exec(text) ?? [];
  const isRealDay = new Date(`${month}${day}T00:00Z`).getUTCDate() === Number(day.slice(1));
  return new Date(isRealDay ? `${month}${day}${time}${offset}` : Number.NaN);
}

function parseText(operand: unknown, at: Place): string {
  if (typeof operand !== 'string') throw refuse(at, 'must be a single value');
  if (operand.length > maxTextChars) throw refuse(at, `is longer than ${maxTextChars} characters`);
  return toStorableText(operand);
}

function parseBoolean(operand: unknown, at: Place): boolean {
  if (operand === null || operand === '' || operand === 'true' || operand === '1' || operand === 't')
    return true;
  if (operand === 'false' || operand === '0' || operand === 'f') return false;
  throw refuse(at, 'must be true or false');
}

/** Returns a list of values. `qs` makes `[0]=a&[1]=b` an array, or an object if an index is large. */
function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (isPlainObject(value) && Object.keys(value).every((key) => /^\d+$/u.test(key)))
    return Object.values(value);
  return [value];
}

function asObject(value: unknown, at: Place): Record<string, unknown> {
  if (!isPlainObject(value)) throw refuse(at, 'must name fields, e.g. filters[query][$containsi]=hello');
  return value;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function within(at: Place, key: string): Place {
  return { ...at, name: `${at.name}[${key}]`, depth: at.depth + 1 };
}

function refuse(at: Place, problem: string): ChatError {
  const name = at.name.length > 200 ? `${at.name.slice(0, 200)}…` : at.name;
  return new ChatError('invalid-request', { sentence: `${name.toWellFormed()} ${problem}.` });
}
