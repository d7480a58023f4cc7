import { connect } from '../../../src/history/store/connect';
import type { Database, Statements } from '../../../src/history/store/database';
import { createDays } from '../../../src/history/store/days';
import { createMysqlLayout } from '../../../src/history/store/layout/mysql';
import { createHistory, isThere, type TestHistory } from './support/servers';

(isThere('mariadb') ? describe : describe.skip)('the layout of the tables on MariaDB', () => {
  let history: TestHistory;
  let database: Database;
  beforeEach(async () => {
    history = await createHistory('mariadb');
    database = connect(history.settings(true));
  });
  afterEach(async () => {
    await database.close();
    await history.drop();
  });

  /** Runs statements as usual, and `between` after the first one. */
  function interrupted(between: () => Promise<unknown>): Statements {
    let isFirst = true;
    return {
      ...database,
      async all(sql, bindings) {
        const rows = await database.all(sql, bindings);
        if (isFirst) await between();
        isFirst = false;
        return rows;
      },
    };
  }

  it('is divided while another process replaces the view of all days', async () => {
    const layout = createMysqlLayout(createDays('UTC'));
    await database.transaction((statements) => layout.create(statements, true));
    const today = (await layout.listTables(database))?.records;
    expect(today).toHaveLength(1);

    const dropView = () => history.rows('drop view conversation_histories');
    const tables = await layout.listTables(interrupted(dropView));

    expect(tables?.records).toEqual(today);
  });

  it('gets no tables of days after another process has joined the tables', async () => {
    const layout = createMysqlLayout(createDays('UTC'));
    await database.transaction((statements) => layout.create(statements, false));

    await layout.createDays(database, ['2025-01-15']);

    expect(await history.rows('show tables')).toHaveLength(2);
  });
});
