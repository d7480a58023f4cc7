import { openMainDatabase, type MainDatabase } from '../main-database';

export interface UserOfToday {
  readonly documentId: string;
  readonly createdAt: Date;
}

/** Returns the users who have these ids now. */
export async function findUsersOfToday(
  database: MainDatabase,
  ids: readonly number[],
): Promise<ReadonlyMap<number, UserOfToday>> {
  const db = openMainDatabase(database);
  try {
    const found = new Map<number, UserOfToday>();
    for (let done = 0; done < ids.length; done += 500) {
      const rows = (await db('up_users')
        .whereIn('id', ids.slice(done, done + 500))
        .select('id', 'document_id', 'created_at')) as {
        id: number;
        document_id: string;
        created_at: Date | number | string;
      }[];
      for (const row of rows)
        found.set(row.id, { documentId: row.document_id, createdAt: new Date(row.created_at) });
    }
    return found;
  } finally {
    await db.destroy();
  }
}
