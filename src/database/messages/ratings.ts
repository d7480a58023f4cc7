import type { Core } from '@strapi/strapi';

import type { RatingCount, RatingQuery, RatingSource } from '../../history';
import { characterOf } from '../characters/links';

type Database = Core.Strapi['db'];

/**
 * Creates the index of rated messages, which are few. Strapi's schemas cannot describe a partial index, and Strapi does
 * not drop it. Two processes that start at the same time may both create it.
 */
export async function indexRatings(db: Database): Promise<void> {
  const create = `create index if not exists chat_conversations_rated_at_idx on chat_conversations (created_at)
    where feedback is not null`;
  // PostgreSQL checks and then creates. If another process creates the index in between, PostgreSQL throws an error.
  await db.connection.raw(create).catch(() => db.connection.raw(create));
}

/** @param defaultModel the name of a model that is unknown, as in the history. */
export function createRatingSource(db: Database, defaultModel: string): RatingSource {
  return {
    async countRatings(query) {
      const { sql, bindings } = ratingsSql(db, defaultModel, query);
      const result: unknown = await db.connection.raw(sql, [...bindings]);
      const rows = Array.isArray(result) ? result : (result as { rows: unknown[] }).rows;
      return (rows as RatingRow[]).map(toCount);
    },
  };
}

/** SQLite returns dates as integers, and PostgreSQL counts as text. */
interface RatingRow {
  readonly name: string | null;
  readonly at: Date | number | string;
  readonly likes: number | string;
  readonly dislikes: number | string;
}

/** Returns the one statement of `countRatings`. It reads a range of the index of ratings. */
export function ratingsSql(
  db: Database,
  defaultModel: string,
  { startMs, endMs, by, characterId, model }: RatingQuery,
): { readonly sql: string; readonly bindings: readonly (string | Date)[] } {
  const character = `coalesce(${characterOf('m')}, '')`;
  const modelName = 'coalesce(m.model, ?)';
  // Every day of a time zone begins with a quarter of an hour.
  const quarter =
    db.dialect.client === 'sqlite'
      ? 'm.created_at / 900000'
      : 'floor(extract(epoch from m.created_at) / 900)';
  const name = { day: `''`, character, model: modelName }[by];
  const rated = `select ${name} as name, ${by === 'day' ? quarter : '0'} as part, m.created_at, m.feedback
    from chat_conversations m
    where m.feedback is not null and m.created_at >= ? and m.created_at < ?
      ${characterId === null ? '' : `and ${character} = ?`} ${model === null ? '' : `and ${modelName} = ?`}`;
  return {
    sql: `select name, min(created_at) as at, sum(case when feedback = 'like' then 1 else 0 end) as likes,
        sum(case when feedback = 'dislike' then 1 else 0 end) as dislikes
      from (${rated}) as rated group by name, part`,
    bindings: [
      ...(by === 'model' ? [defaultModel] : []),
      new Date(startMs),
      new Date(endMs),
      ...(characterId === null ? [] : [characterId]),
      ...(model === null ? [] : [defaultModel, model]),
    ],
  };
}

function toCount({ name, at, likes, dislikes }: RatingRow): RatingCount {
  return { name: name ?? '', at: new Date(at), likes: Number(likes), dislikes: Number(dislikes) };
}
