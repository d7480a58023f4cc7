import type { Usage, UsageGroup, UsageQuery } from '../../model/usage';
import { addDays } from '../../calendar';
import type { Binding, Row, Statements } from '../database';
import type { Days } from '../days';
import { numberOf, textOf } from '../rows';
import { bucketSums } from '../schema';

const columns = { day: 'day', character: 'character_id', model: 'model' } as const;

/** Returns the one statement of `readUsage`. Each of its parts reads a range of the primary key. */
export function usageSql({ by, from, to, characterId, model }: UsageQuery): {
  readonly sql: string;
  readonly bindings: readonly Binding[];
} {
  const group = columns[by];
  const filters = [
    'day between ? and ?',
    ...(characterId === null ? [] : ['character_id = ?']),
    ...(model === null ? [] : ['model = ?']),
  ].join(' and ');
  const own = [from, to, ...[characterId, model].filter((value) => value !== null)];
  const rest = bucketSums.slice(1);
  const none = rest.map((column) => `0 as ${column}`).join(', ');
  const parts = [
    `select 'currency' as part, ${group} as name, value, ${bucketSums.map((sum) => `sum(${sum}) as ${sum}`).join(', ')}
     from history_days where facet = 'currency' and ${filters} group by ${group}, value`,
    `select 'first_token' as part, ${group} as name, value, sum(records) as records, ${none}
     from history_days where facet = 'first_token' and ${filters} group by ${group}, value`,
    `select 'user' as part, ${group} as name, '' as value, count(distinct value) as records, ${none}
     from history_days where facet = 'user' and ${filters} group by ${group}`,
    `select 'users' as part, '' as name, '' as value, count(distinct value) as records, ${none}
     from history_days where facet = 'user' and ${filters}`,
  ];
  return { sql: parts.join(' union all '), bindings: parts.flatMap(() => own) };
}

/** See `HistoryStore.readUsage`. */
export async function readUsage(statements: Statements, days: Days, query: UsageQuery): Promise<Usage> {
  const { sql, bindings } = usageSql(query);
  const groups = new Map<string, Mutable<UsageGroup>>();
  let users = 0;
  for (const row of await statements.all(sql, bindings)) {
    if (row['part'] === 'users') {
      users = numberOf(row['records']);
      continue;
    }
    const name = textOf(row['name']);
    const group = groups.get(name) ?? emptyGroup(name);
    groups.set(name, group);
    addTo(group, row);
  }
  return { groups: [...groups.values()], users, days: rangesOf(days, query) };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

function emptyGroup(name: string): UsageGroup {
  return {
    name,
    records: 0,
    errors: 0,
    promptTokens: 0,
    completionTokens: 0,
    totalTokens: 0,
    users: 0,
    prices: [],
    firstTokens: [],
  };
}

function addTo(group: Mutable<UsageGroup>, row: Row): void {
  const records = numberOf(row['records']);
  switch (row['part']) {
    case 'user':
      group.users = records;
      return;
    case 'first_token':
      group.firstTokens = [...group.firstTokens, [Number(row['value']), records]];
      return;
    default:
      group.records += records;
      group.errors += numberOf(row['errors']);
      group.promptTokens += numberOf(row['prompt_tokens']);
      group.completionTokens += numberOf(row['completion_tokens']);
      group.totalTokens += numberOf(row['total_tokens']);
      group.prices = [...group.prices, [textOf(row['value']), numberOf(row['price_nanos'])]];
  }
}

function rangesOf(days: Days, { from, to }: UsageQuery): Usage['days'] {
  const ranges: Usage['days'][number][] = [];
  for (let date = from; date <= to; date = addDays(date, 1))
    ranges.push({ date, startMs: days.startOf(date), endMs: days.endOf(date) });
  return ranges;
}
