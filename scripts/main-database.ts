import knex, { type Knex } from 'knex';

/** The connection of `config/database.ts`. */
export type MainDatabase =
  | { readonly client: 'sqlite'; readonly connection: { readonly filename: string } }
  | { readonly client: 'postgres'; readonly connection: { readonly schema?: string } };

const acquireConnectionTimeout = 10_000;

/** Opens the main database of a server, which may be running, for reading. It creates no file. */
export function openMainDatabase({ client, connection }: MainDatabase): Knex {
  const common = { useNullAsDefault: true, pool: { min: 0, max: 1 }, acquireConnectionTimeout };
  if (client === 'postgres')
    return knex({
      ...common,
      client: 'pg',
      connection: connection as Knex.PgConnectionConfig,
      searchPath: [connection.schema ?? 'public'],
    });
  const { filename } = connection;
  return knex({ ...common, client: 'better-sqlite3', connection: { filename, options: { readonly: true } } });
}
