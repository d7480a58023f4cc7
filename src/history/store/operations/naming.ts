import type { FormerErasure, FormerUser, Match, Unnamed } from '../../naming/history-naming';
import type { Position } from '../../model/store';
import {
  chunks,
  incoming,
  onConflict,
  tuples,
  type Binding,
  type Database,
  type Statements,
} from '../database';
import { findErased } from './erasures';
import type { Days } from '../days';
import type { Layout } from '../layout/layout';
import { deleteRows, selectSummed, sizeOf, type Found } from './remove';
import { numberOf, textOf } from '../rows';
import { lockState } from '../schema';
import { addToUsers, firstOf, subtract } from './sums';
import type { Owned, Titled } from './summed';
import { withinBytes } from '../within-bytes';

/** Limits of one transaction, as in `remove.ts`. SQLite rewrites each row with its texts. */
const rowsPerBatch = 250;
const bytesPerBatch = 1_000_000;

interface Open {
  readonly database: Database;
  readonly layout: Layout;
}

/** Values of `history_state.unnamed`. */
const done = 0;
const numbersLeft = 1;

/** Which records: `null` if nobody has searched for the user, empty if the search found none. */
type Condition = 'user_document_id is null' | "user_document_id = ''";
const notLookedFor: Condition = 'user_document_id is null';
const notFound: Condition = "user_document_id = ''";

/** See `HistoryNaming.listUnnamed`. */
export async function listUnnamed(open: Open): Promise<Unnamed | null> {
  const { database } = open;
  if ((await readState(database)) > numbersLeft) {
    const records = await database.snapshot((statements) => selectUnnamed(open, statements));
    if (records.length > 0) return { records };
    await database.transaction(async (statements) => {
      await lockState(statements);
      // Nobody can write now, so this sees records that were restored meanwhile.
      if ((await selectUnnamed(open, statements)).length > 0) return;
      await statements.run('update history_state set unnamed = ? where id = 1', [numbersLeft]);
    });
  }
  return (await readState(database)) === numbersLeft ? { users: await listFormerUsers(database) } : null;
}

export async function readState(statements: Statements): Promise<number> {
  const [row] = await statements.all('select unnamed from history_state where id = 1');
  return numberOf(row?.['unnamed']);
}

async function selectUnnamed({ layout }: Open, statements: Statements): Promise<readonly Position[]> {
  for (const segment of await layout.segments(statements)) {
    const found: Position[] = [];
    for (const table of [segment.records, segment.errors])
      found.push(...(await selectPositions(statements, table, notLookedFor, [], null)).positions);
    if (found.length > 0) return found.slice(0, rowsPerBatch);
  }
  return [];
}

interface Page {
  readonly positions: readonly Position[];
  /** Cursor of the next page; null on the last one. */
  readonly next: Cursor | null;
}

type Cursor = readonly [conversationId: string, createdAt: number, recordId: string];

/** Selects positions by the index of owners. */
async function selectPositions(
  statements: Statements,
  table: string,
  condition: string,
  bindings: readonly Binding[],
  after: Cursor | null,
): Promise<Page> {
  const beyond = after === null ? '' : 'and (conversation_id, created_at, record_id) > (?, ?, ?)';
  const rows = await statements.all(
    `select conversation_id, created_at, record_id, ${sizeOf(statements, table)} as bytes from ${table}
     where ${condition} ${beyond} order by conversation_id, created_at, record_id limit ${rowsPerBatch}`,
    [...bindings, ...(after ?? [])],
  );
  const taken = withinBytes(
    rows.map((row) => ({ item: row, bytes: numberOf(row['bytes']) })),
    bytesPerBatch,
  );
  const last = taken.at(-1);
  const isLast = taken.length === rows.length && rows.length < rowsPerBatch;
  return {
    positions: taken.map((row) => ({
      timeMs: numberOf(row['created_at']),
      id: textOf(row['record_id']),
    })),
    next:
      isLast || last === undefined
        ? null
        : [textOf(last['conversation_id']), numberOf(last['created_at']), textOf(last['record_id'])],
  };
}

/** See `HistoryNaming.match`. */
export async function match({ database, layout }: Open, matches: readonly Match[]): Promise<void> {
  for (const some of chunks(matches, rowsPerBatch)) {
    const owners = new Map(some.map((one) => [keyOf(one.position), one.userDocumentId]));
    await database.transaction(async (statements) => {
      await lockState(statements);
      const found = await findRecords(statements, layout, some, notLookedFor);
      const owned = await settle(
        statements,
        layout.days,
        found,
        (record) => owners.get(keyOf(toPosition(record))) ?? null,
      );
      await noteFormer(statements, owned);
    });
  }
}

const keyOf = ({ timeMs, id }: Position) => `${timeMs} ${id}`;
const toPosition = ({ timeMs, recordId }: Found): Position => ({ timeMs, id: recordId });

/** Returns those of these positions for which the condition still holds. */
async function findRecords(
  statements: Statements,
  layout: Layout,
  wanted: readonly { readonly position: Position }[],
  condition: Condition,
): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const segment of await layout.segments(statements)) {
    const own = wanted.filter(
      ({ position }) => segment.day === null || segment.day === layout.days.of(position.timeMs),
    );
    if (own.length === 0) continue;
    const times = own.map(({ position }) => position.timeMs);
    const where = `(record_id, created_at) in (${tuples(statements.kind, own.length, 2)})
      and created_at between ? and ? and ${condition}`;
    const bindings = [
      ...own.flatMap(({ position }) => [position.id, position.timeMs]),
      Math.min(...times),
      Math.max(...times),
    ];
    for (const table of [segment.records, segment.errors])
      found.push(...(await selectSummed(statements, table, where, bindings)));
  }
  return found;
}

/** Gives these records to their owners, with the sums. Deletes those that their owners have erased. */
async function settle(
  statements: Statements,
  days: Days,
  records: readonly Found[],
  ownerOf: (record: Found) => string | null,
): Promise<readonly Owned<Found>[]> {
  const named = records.map((record) => ({ ...record, userDocumentId: ownerOf(record) }));
  const isErased = await findErased(statements, named);
  const erased = named.filter(isErased);
  const kept = named.filter((record) => !erased.includes(record));
  for (const [table, own] of groupBy(erased, ({ table }) => table)) await deleteRows(statements, table, own);
  // Until now only the sums of all users included them.
  await subtract(
    statements,
    days,
    erased.map((record) => ({ ...record, userDocumentId: null })),
  );
  for (const [table, own] of groupBy(kept, ({ table }) => table)) await update(statements, table, own);
  const owned = kept.filter((record): record is Owned<Found> => record.userDocumentId !== null);
  await addToUsers(statements, days, await withQuestions(statements, owned));
  return owned;
}

async function update(statements: Statements, table: string, records: readonly Found[]): Promise<void> {
  for (const [userDocumentId, own] of groupBy(records, (record) => record.userDocumentId ?? '')) {
    const times = own.map(({ timeMs }) => timeMs);
    await statements.run(
      `update ${table} set user_document_id = ?
       where (record_id, created_at) in (${tuples(statements.kind, own.length, 2)}) and created_at between ? and ?`,
      [
        userDocumentId,
        ...own.flatMap(({ recordId, timeMs }) => [recordId, timeMs]),
        Math.min(...times),
        Math.max(...times),
      ],
    );
  }
}

/**
 * Adds the messages of records that may begin a conversation, because they give its title. Does not read the texts of
 * others.
 */
async function withQuestions(
  statements: Statements,
  records: readonly Owned<Found>[],
): Promise<readonly Owned<Titled>[]> {
  const firsts = [...groupBy(records, (one) => `${one.userDocumentId} ${one.conversationId}`).values()].map(
    firstOf,
  );
  const messages = new Map<string, readonly unknown[]>();
  for (const [table, own] of groupBy(firsts, (first) => first.table)) {
    const rows = await statements.all(
      `select record_id, created_at, messages from ${table}
       where (record_id, created_at) in (${tuples(statements.kind, own.length, 2)})`,
      own.flatMap(({ recordId, timeMs }) => [recordId, timeMs]),
    );
    for (const row of rows) {
      const text = row['messages'];
      const parsed: unknown = typeof text === 'string' ? JSON.parse(text) : text;
      const key = keyOf({ timeMs: numberOf(row['created_at']), id: textOf(row['record_id']) });
      messages.set(key, Array.isArray(parsed) ? parsed : []);
    }
  }
  return records.map((record) => ({ ...record, messages: messages.get(keyOf(toPosition(record))) ?? [] }));
}

function groupBy<T>(items: readonly T[], keyOfItem: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOfItem(item));
    if (group === undefined) groups.set(keyOfItem(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Saves who had a number, and when, as turns have proved. */
async function noteFormer(statements: Statements, records: readonly Owned<Found>[]): Promise<void> {
  const table = 'history_former_users';
  const groups = groupBy(
    records.filter(({ formerUserId }) => formerUserId !== null),
    (record) => `${record.formerUserId} ${record.userDocumentId} ${record.conversationId}`,
  );
  const rows = [...groups.values()].map((group) => {
    const [first] = group;
    if (first === undefined) throw new RangeError('A group has at least one record.');
    const times = group.map(({ timeMs }) => timeMs);
    const { formerUserId, conversationId, userDocumentId } = first;
    return [formerUserId, conversationId, userDocumentId, Math.min(...times), Math.max(...times)];
  });
  if (rows.length === 0) return;
  const [firstAt, lastAt] = [incoming(statements.kind, 'first_at'), incoming(statements.kind, 'last_at')];
  await statements.run(
    `insert into ${table} (user_id, conversation_id, user_document_id, first_at, last_at)
     values ${rows.map(() => '(?, ?, ?, ?, ?)').join(', ')}
     ${onConflict(statements.kind, ['user_id', 'conversation_id', 'user_document_id'])}
       first_at = case when ${firstAt} < ${table}.first_at then ${firstAt} else ${table}.first_at end,
       last_at = case when ${lastAt} > ${table}.last_at then ${lastAt} else ${table}.last_at end`,
    rows.flat(),
  );
}

/** See `HistoryNaming.listFormerUsers`. */
export async function listFormerUsers(statements: Statements): Promise<readonly FormerUser[]> {
  const tables = ['conversation_histories', 'error_conversation_histories'].map(
    (table) => `select user_id, count(*) as records, min(created_at) as first_at, max(created_at) as last_at
                from ${table} where ${notFound} group by user_id`,
  );
  const rows = await statements.all(
    `select user_id, sum(records) as records, min(first_at) as first_at, max(last_at) as last_at
     from (${tables.join(' union all ')}) numbers group by user_id order by user_id`,
  );
  return rows.map((row) => ({
    formerUserId: numberOf(row['user_id']),
    records: numberOf(row['records']),
    firstAt: new Date(numberOf(row['first_at'])),
    lastAt: new Date(numberOf(row['last_at'])),
  }));
}

/** See `HistoryNaming.matchNumber`. */
export async function matchNumber(
  open: Open,
  formerUserId: number,
  userOfToday: string | null,
): Promise<number> {
  const rows = await open.database.all(
    `select conversation_id, user_document_id, first_at, last_at from history_former_users where user_id = ?`,
    [formerUserId],
  );
  if (rows.length === 0) return 0;
  const users = new Set(rows.map((row) => textOf(row['user_document_id'])));
  const [only] = users;
  const firstAt = Math.min(...rows.map((row) => numberOf(row['first_at'])));
  const lastAt = Math.max(...rows.map((row) => numberOf(row['last_at'])));
  const ofConversations = groupBy(rows, (row) => textOf(row['conversation_id']));
  return assignWhere(open, formerUserId, ({ conversationId, timeMs }) => {
    const stillHasIt = only === userOfToday || timeMs <= lastAt;
    if (users.size === 1 && only !== undefined && timeMs >= firstAt && stillHasIt) return only;
    const own = ofConversations.get(conversationId) ?? [];
    return own.length === 1 ? textOf(own[0]?.['user_document_id']) : null;
  });
}

/** See `HistoryNaming.assign`. */
export function assign(open: Open, formerUserId: number, userDocumentId: string): Promise<number> {
  return assignWhere(open, formerUserId, () => userDocumentId);
}

/** Gives records of a number that have no owner to owners. @returns how many got one. */
async function assignWhere(
  open: Open,
  formerUserId: number,
  ownerOf: (record: Found) => string | null,
): Promise<number> {
  const { database, layout } = open;
  let assigned = 0;
  for (const segment of await layout.segments(database)) {
    for (const table of ['records', 'errors'] as const) {
      for (let after: Cursor | null = null; ;) {
        const cursor: Cursor | null = after;
        const { count, next } = await database.transaction(async (statements) => {
          await lockState(statements);
          const segments = await layout.segments(statements);
          // Another process dropped or moved the table meanwhile.
          if (!segments.some((one) => one[table] === segment[table])) return { count: 0, next: null };
          const of = [formerUserId];
          const condition = `${notFound} and user_id = ?`;
          const page = await selectPositions(statements, segment[table], condition, of, cursor);
          const wanted = page.positions.map((position) => ({ position }));
          const found = await findRecords(statements, layout, wanted, notFound);
          const owned = found.filter((record) => ownerOf(record) !== null);
          return { count: (await settle(statements, layout.days, owned, ownerOf)).length, next: page.next };
        });
        assigned += count;
        if (next === null) break;
        after = next;
        await database.rest();
      }
    }
  }
  return assigned;
}

/** See `HistoryNaming.endNaming`. */
export async function endNaming(database: Database): Promise<void> {
  await database.transaction(async (statements) => {
    await lockState(statements);
    await statements.run('update history_state set unnamed = ? where id = 1 and unnamed = ?', [
      done,
      numbersLeft,
    ]);
  });
}

/** See `HistoryNaming.listFormerErasures`. */
export async function listFormerErasures(
  statements: Statements,
  after: FormerErasure | null,
  limit: number,
): Promise<readonly FormerErasure[]> {
  if ((await readState(statements)) === done) return [];
  const rows = await statements.all(
    `select user_id, conversation_id, erased_before from history_erasures
     where user_document_id = '' and conversation_id <> ''
       ${after === null ? '' : 'and (user_id > ? or (user_id = ? and conversation_id > ?))'}
     order by user_id, conversation_id limit ?`,
    [...(after === null ? [] : [after.formerUserId, after.formerUserId, after.conversationId]), limit],
  );
  return rows.map((row) => ({
    formerUserId: numberOf(row['user_id']),
    conversationId: textOf(row['conversation_id']),
    before: new Date(numberOf(row['erased_before'])),
  }));
}
