import type { Comparison, Filter, Owner, TextMatch, Value } from '../../chat';
import { characterNamed } from '../characters/links';
import { isSuperseded, shownAnswer } from './rows';
import { isRowId } from '../sql/row-id';
import { sessionNames, sessionsNamed } from '../sql/sessions-named';

/** An SQL condition and its values. The SQL consists only of strings from this file. */
export interface Condition {
  readonly sql: string;
  readonly bindings: readonly Value[];
}

export type Dialect = 'sqlite' | 'postgres';

export interface FilterContext {
  readonly owner: Owner;
  readonly dialect: Dialect;
  /** The documentId of the message's character, as SQL. */
  readonly character: string;
}

/** The column for each field of a message filter. `p` is the published main row of the message's character. */
const columns: Readonly<Record<string, string>> = {
  id: 'm.id',
  documentId: 'm.document_id',
  message_id: 'm.message_id',
  role: 'm.role',
  query: 'm.query',
  answer: `(${shownAnswer})`,
  conversation_id: 'm.conversation_id',
  session_id: 's.session_id',
  turn_id: 'm.turn_id',
  message_status: 'm.message_status',
  outcome: 'm.outcome',
  error_code: 'm.error_code',
  feedback: 'm.feedback',
  parent_message_id: 'm.parent_message_id',
  is_superseded: isSuperseded,
  createdAt: 'm.created_at',
  updatedAt: 'm.updated_at',
  'session.session_id': 's.session_id',
  'ai_character.name': 'p.name',
  'ai_character.introduce': 'p.introduce',
};

export function columnOf(field: string): string {
  const column = columns[field];
  if (column === undefined) throw new Error(`The field ${field} has no column.`);
  return column;
}

export function toCondition(filter: Filter, context: FilterContext): Condition {
  switch (filter.kind) {
    case 'all':
      return join(filter.filters, ' and ', always, context);
    case 'any':
      return join(filter.filters, ' or ', never, context);
    case 'not': {
      const { sql, bindings } = toCondition(filter.filter, context);
      return { sql: `not (${sql})`, bindings };
    }
    case 'compare':
      return compare(filter.field, filter.comparison, filter.value, context);
    case 'in':
      return isIn(filter.field, filter.values, context);
    case 'match':
      return match(filter, context);
    case 'null':
      return { sql: isNull(filter.field, context), bindings: [] };
  }
}

const always: Condition = { sql: '1 = 1', bindings: [] };
const never: Condition = { sql: '1 = 0', bindings: [] };

function join(
  filters: readonly Filter[],
  operator: string,
  none: Condition,
  context: FilterContext,
): Condition {
  if (filters.length === 0) return none;
  const conditions = filters.map((filter) => toCondition(filter, context));
  return {
    sql: conditions.map(({ sql }) => `(${sql})`).join(operator),
    bindings: conditions.flatMap(({ bindings }) => bindings),
  };
}

function compare(field: string, comparison: Comparison, value: Value, context: FilterContext): Condition {
  if (isSessionId(field) && isEquality(comparison)) {
    return { sql: `m.session_id ${comparison} ${sessionRow}`, bindings: toBindings(value, context) };
  }
  if (field in linkColumns) {
    const condition = refersTo(field, String(value), context);
    return comparison === '=' ? condition : { sql: `not (${condition.sql})`, bindings: condition.bindings };
  }
  return { sql: `${columnOf(field)} ${comparison} ?`, bindings: [value] };
}

function isIn(field: string, values: readonly Value[], context: FilterContext): Condition {
  const [only] = values;
  if (only === undefined) return never;
  // For `=`, SQLite uses an index that also has the order of the list. It does not use it for a list of values.
  if (values.length === 1) return compare(field, '=', only, context);
  if (isSessionId(field)) {
    const bindings = values.flatMap((value) => toBindings(value, context));
    return { sql: `m.session_id in (${values.map(() => sessionRow).join(', ')})`, bindings };
  }
  if (!(field in linkColumns)) {
    return { sql: `${columnOf(field)} in (${values.map(() => '?').join(', ')})`, bindings: values };
  }
  const conditions = values.map((value) => refersTo(field, String(value), context));
  return {
    sql: conditions.map(({ sql }) => `(${sql})`).join(' or '),
    bindings: conditions.flatMap(({ bindings }) => bindings),
  };
}

const ownSession = `select max(id) from chat_sessions
  where id in (${sessionsNamed}) and user_id = ? and is_deleted = ?`;

/**
 * SQL for the row id of the session that a path with this id finds. The database reads it once as a value and finds the
 * messages by their index. It is 0, which no row has, if the owner has no such session. Null would make both `=` and
 * `!=` match nothing.
 */
const sessionRow = `coalesce((${ownSession}), 0)`;

/** Returns the values of `ownSession`. */
const toBindings = (id: Value, { owner }: FilterContext): Value[] => [
  ...sessionNames(String(id), owner),
  owner.id,
  false,
];

const isSessionId = (field: string) => field === 'session_id' || field === 'session.session_id';
const isEquality = (comparison: Comparison) => comparison === '=' || comparison === '!=';

/** Returns SQL for "the field is null". A message shows no character if its character is deleted. */
function isNull(field: string, { character }: FilterContext): string {
  if (field === 'ai_character.id' || field === 'ai_character.documentId')
    return `not exists (select 1 from ai_characters where document_id = ${character})`;
  return `${linkColumns[field] ?? columnOf(field)} is null`;
}

/** The column for each reference. A client may use several kinds of ids, but the database stores one. */
const linkColumns: Readonly<Record<string, string>> = {
  'ai_character.id': 'm.ai_character_document_id',
  'ai_character.documentId': 'm.ai_character_document_id',
  'user.id': 'm.user_id',
  'user.documentId': 'm.user_id',
  'session.id': 'm.session_id',
};

function refersTo(field: string, reference: string, context: FilterContext): Condition {
  const { owner, character } = context;
  switch (field) {
    case 'ai_character.id':
    case 'ai_character.documentId': {
      const named = characterNamed(reference);
      return { sql: `${character} = ${named.sql}`, bindings: [named.value] };
    }
    case 'session.id':
      if (isRowId(reference)) return { sql: 'm.session_id = ?', bindings: [Number(reference)] };
      return {
        sql: `m.session_id =
          coalesce((${ownSession}), (select max(id) from chat_sessions where document_id = ?), 0)`,
        bindings: [...toBindings(reference, context), reference],
      };
    default:
      // Another user has no messages in this list. The reply must not reveal whether that user exists.
      return reference === String(owner.id) || reference === owner.documentId ? always : never;
  }
}

/**
 * Returns SQL for a text match, without LIKE.
 * `%` and `_` are therefore ordinary characters, and both databases treat case in the same way.
 */
function match(
  { field, match, text, ignoreCase }: Extract<Filter, { kind: 'match' }>,
  { dialect }: FilterContext,
): Condition {
  const lower = dialect === 'sqlite' ? 'chat_lower' : 'lower';
  const column = ignoreCase ? `${lower}(${columnOf(field)})` : columnOf(field);
  const value = ignoreCase ? `${lower}(?)` : '?';
  if (text === '' && match !== 'whole') return { sql: `${column} is not null`, bindings: [] };
  if (match === 'contains') return containsText(columnOf(field), text, { dialect, ignoreCase });
  const sql: Record<Exclude<TextMatch, 'contains'>, string> = {
    whole: `${column} = ${value}`,
    startsWith: `substr(${column}, 1, length(${value})) = ${value}`,
    endsWith:
      dialect === 'sqlite'
        ? `substr(${column}, -length(${value})) = ${value}`
        : `right(${column}, length(${value})) = ${value}`,
  };
  const isCountedTwice = match === 'startsWith' || match === 'endsWith';
  return { sql: sql[match], bindings: isCountedTwice ? [text, text] : [text] };
}

/** Returns SQL for "the column contains the text", without wildcards. */
export function containsText(
  column: string,
  text: string,
  { dialect, ignoreCase }: { readonly dialect: Dialect; readonly ignoreCase: boolean },
): Condition {
  if (dialect === 'sqlite') {
    return ignoreCase
      ? { sql: `contains_lower(${column}, ?)`, bindings: [text.toLowerCase()] }
      : { sql: `instr(${column}, ?) > 0`, bindings: [text] };
  }
  const sql = ignoreCase ? `strpos(lower(${column}), lower(?)) > 0` : `strpos(${column}, ?) > 0`;
  return { sql, bindings: [text] };
}
