import knex, { type Knex } from 'knex';

export interface UserOfToday {
  readonly documentId: string;
  readonly createdAt: Date;
}

/** The connection of `config/database.ts`. */
export type MainDatabase =
  | { readonly client: 'sqlite'; readonly connection: { readonly filename: string } }
  | { readonly client: 'postgres'; readonly connection: { readonly schema?: string } };

/** Returns the users who have these ids now. */
export async function findUsersOfToday(
  { client, connection }: MainDatabase,
  ids: readonly number[],
): Promise<ReadonlyMap<number, UserOfToday>> {
  const db = knex({
    client: client === 'sqlite' ? 'better-sqlite3' : 'pg',
    connection: connection as Knex.StaticConnectionConfig,
    useNullAsDefault: true,
    pool: { min: 0, max: 1 },
    ...(client === 'postgres' && { searchPath: [connection.schema ?? 'public'] }),
  });
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
