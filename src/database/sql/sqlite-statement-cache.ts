/** More than all requests need. A statement with a list of values has another text for each length of the list. */
const maxStatements = 500;

/*
 * Saves a tenth of a turn on SQLite, because knex compiles a statement each time it runs.
 * Measured with `npm run bench -- --only turn --database sqlite`, seven rounds with and without it.
 * Delete it when knex keeps compiled statements itself.
 */

/**
 * Makes a connection of better-sqlite3 compile each statement once.
 * SQLite itself compiles a statement again when a table has changed.
 * Other kinds of statements (tables, settings) are not cached.
 */
export function cacheStatements(connection: { prepare(sql: string): unknown }): void {
  const prepare = connection.prepare.bind(connection);
  const statements = new Map<string, unknown>();
  connection.prepare = (sql) => {
    const known = statements.get(sql);
    if (known !== undefined) return known;
    const statement = prepare(sql);
    if (!/^(select|insert|update|delete|begin|commit|rollback)\b/iu.test(sql)) return statement;
    const oldest = statements.size >= maxStatements ? statements.keys().next().value : undefined;
    if (oldest !== undefined) statements.delete(oldest);
    statements.set(sql, statement);
    return statement;
  };
}
