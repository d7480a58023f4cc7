/** More than the statements of all requests. One with a list of values has a text for each of its lengths. */
const maxStatements = 500;

/**
 * Has a connection of better-sqlite3 compile a statement once, and not each time it is run, as knex does: that was some
 * 7 % of a turn. SQLite compiles one anew by itself when a table has changed. Whatever else changes something (tables,
 * settings) is prepared as ever.
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
