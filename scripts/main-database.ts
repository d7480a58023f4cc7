import { existsSync } from 'node:fs';

import knex, { type Knex } from 'knex';

/** The connection of `config/database.ts`. */
export type MainDatabase =
  | { readonly client: 'sqlite'; readonly connection: { readonly filename: string } }
  | { readonly client: 'postgres'; readonly connection: { readonly schema?: string } };

const acquireConnectionTimeout = 10_000;

/** Opens the main database of a server, which may be running, for reading. It creates no file. */
export function openMainDatabase(database: MainDatabase): Knex {
  return open(database, { isReadOnly: true });
}

/** Opens it for writing. If SQLite has no file yet, opens a database in memory, because a script creates none. */
export function openMainDatabaseForWriting(database: MainDatabase): Knex {
  if (database.client === 'postgres' || existsSync(database.connection.filename))
    return open(database, { isReadOnly: false });
  return open({ client: 'sqlite', connection: { filename: ':memory:' } }, { isReadOnly: false });
}

function open({ client, connection }: MainDatabase, { isReadOnly }: { readonly isReadOnly: boolean }): Knex {
  // A database in memory lasts as long as its connection.
  const min = client === 'sqlite' && !isReadOnly ? 1 : 0;
  const common = { useNullAsDefault: true, pool: { min, max: 1 }, acquireConnectionTimeout };
  if (client === 'postgres')
    return knex({
      ...common,
      client: 'pg',
      connection: connection as Knex.PgConnectionConfig,
      searchPath: [connection.schema ?? 'public'],
    });
  const { filename } = connection;
  return knex({
    ...common,
    client: 'better-sqlite3',
    connection: { filename, options: { readonly: isReadOnly } },
  });
}
