import type { Core } from '@strapi/strapi';

import type { Filter } from '../../chat';
import { partsOf } from '../sql/parts';

type Database = Core.Strapi['db'];

/**
 * Lets a filter on `conversation_id` understand session ids, too. It replaces each by the row id of the session. One
 * condition in SQL on both ids could not use the indexes of messages, which also have the order of the list.
 */
export async function resolveSessions(db: Database, filter: Filter | null): Promise<Filter | null> {
  const ids = filter === null ? [] : conversationsIn(filter);
  if (filter === null || ids.length === 0) return filter;
  const rows = new Map<string, string>();
  for (const some of partsOf(ids)) {
    const found = (await db
      .connection('chat_sessions')
      .whereIn('session_id', some)
      .select('id', 'session_id')) as { readonly id: number; readonly session_id: string }[];
    for (const { id, session_id } of found) rows.set(session_id, String(id));
  }
  return rows.size === 0 ? filter : replace(filter, rows);
}

function conversationsIn(filter: Filter): readonly string[] {
  switch (filter.kind) {
    case 'all':
    case 'any':
      return filter.filters.flatMap(conversationsIn);
    case 'not':
      return conversationsIn(filter.filter);
    case 'compare':
      return filter.field === 'conversation_id' ? [String(filter.value)] : [];
    case 'in':
      return filter.field === 'conversation_id' ? filter.values.map(String) : [];
    case 'match':
    case 'null':
      return [];
  }
}

/** @param rows the row id of each session by its id. */
function replace(filter: Filter, rows: ReadonlyMap<string, string>): Filter {
  switch (filter.kind) {
    case 'all':
    case 'any':
      return { kind: filter.kind, filters: filter.filters.map((one) => replace(one, rows)) };
    case 'not':
      return { kind: 'not', filter: replace(filter.filter, rows) };
    case 'compare': {
      const isEquality = filter.comparison === '=' || filter.comparison === '!=';
      const value =
        isEquality && filter.field === 'conversation_id' ? rows.get(String(filter.value)) : undefined;
      return value === undefined ? filter : { ...filter, field: 'session.id', value };
    }
    case 'in': {
      if (filter.field !== 'conversation_id') return filter;
      const sessions = filter.values.flatMap((id) => rows.get(String(id)) ?? []);
      const others = filter.values.filter((id) => !rows.has(String(id)));
      return {
        kind: 'any',
        filters: [
          { kind: 'in', field: 'session.id', values: sessions },
          { kind: 'in', field: 'conversation_id', values: others },
        ],
      };
    }
    case 'match':
    case 'null':
      return filter;
  }
}
