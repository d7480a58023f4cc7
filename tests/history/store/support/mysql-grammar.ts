import mysql2 from 'mysql2';
import Parser from 'ts-mysql-parser';

import { isThere } from './servers';

/** The parser is made from the grammar of MySQL Workbench. It has the grammar of the releases up to this one. */
const mysqlVersion = '8.0.19';

interface Connection {
  query(statement: string | { readonly sql: string }, ...rest: unknown[]): unknown;
}

/** Statements that differ only in their day or in how many rows they have need one check. */
const toPattern = (statement: string) =>
  statement.replace(/_\d{4}_\d\d_\d\d/gu, '_2025_01_15').replace(/(\([?, ]+\))(?:, *\1)+/gu, '$1, $1');

/**
 * Checks with the grammar of MySQL 8 all statements that the tests of this file have sent to MariaDB. No MySQL server
 * can be installed here. Call it after the other tests of the file.
 */
export function describeMysqlGrammar(): void {
  const run = isThere('mariadb') ? describe : describe.skip;
  const statements = new Set<string>();
  const connections = Object.getPrototypeOf(mysql2.Connection.prototype) as Connection;
  const { query } = connections;

  beforeAll(() => {
    connections.query = function record(this: Connection, statement, ...rest) {
      statements.add(toPattern(typeof statement === 'string' ? statement : statement.sql));
      return query.call(this, statement, ...rest);
    };
  });
  afterAll(() => {
    connections.query = query;
  });

  run('the statements of these tests', () => {
    it(`are all in the grammar of MySQL ${mysqlVersion}`, () => {
      const parser = new Parser({ version: mysqlVersion });
      const problems = [...statements].flatMap((statement) => {
        const { lexerError, parserError } = parser.parse(statement);
        const problem = lexerError ?? parserError;
        return problem === undefined ? [] : [{ statement, problem: problem.data }];
      });

      expect(problems).toEqual([]);
      expect([...statements]).toContainEqual(expect.stringMatching(/^create table /iu));
    });
  });
}
