import readConfig from '../../config/history';
import { HistoryProblem } from '../../src/history/model/problem';
import { historyStoreSettingNames, parseHistoryStoreSettings } from '../../src/history/settings';

const beside = {
  folder: '/app',
  mainDatabase: { client: 'sqlite', connection: { filename: '/app/.tmp/data.db' } },
};

describe('parseHistoryStoreSettings', () => {
  it('puts the history next to the main SQLite file by default', () => {
    expect(parseHistoryStoreSettings({ ...beside, MES_SQL_DSN: ' ' })).toEqual({
      address: { kind: 'sqlite', filename: '/app/.tmp/data.history.db' },
      dailyPartitions: false,
      timeZone: 'UTC',
      pool: { maxIdle: 2, maxOpen: 10, maxLifetimeMs: 60_000 },
    });
  });

  it.each([
    ['/app/.tmp/demo.db', '/app/.tmp/demo.history.db'],
    ['/srv/a.b.db', '/srv/a.b.history.db'],
    ['/srv/chat.sqlite', '/srv/chat.sqlite.history.db'],
    ['/srv/chat', '/srv/chat.history.db'],
  ])('names the history file of %s as %s', (filename, own) => {
    expect(
      parseHistoryStoreSettings({ ...beside, mainDatabase: { client: 'sqlite', connection: { filename } } }),
    ).toMatchObject({ address: { kind: 'sqlite', filename: own } });
  });

  const besideSchema = (schema?: string) => {
    const connection = { host: 'db', password: 'secret', ...(schema === undefined ? {} : { schema }) };
    return {
      connection,
      settings: parseHistoryStoreSettings({ ...beside, mainDatabase: { client: 'postgres', connection } }),
    };
  };

  it.each([
    ['public', 'history'],
    [undefined, 'history'],
    ['staging', 'staging_history'],
    ['history', 'history_history'],
    ['x'.repeat(55), `${'x'.repeat(55)}_history`],
  ])('uses a separate schema in the main PostgreSQL: for %s it is %s', (schema, own) => {
    const { connection, settings } = besideSchema(schema);

    expect(settings).toMatchObject({ address: { kind: 'postgres', connection, schema: own } });
  });

  it.each(['x'.repeat(56), 'é'.repeat(28)])(
    'rejects a schema name that PostgreSQL would truncate: %s',
    (schema) => {
      const { settings } = besideSchema(schema);

      expect(settings).toMatchObject({ code: 'bad-settings' });
      expect((settings as HistoryProblem).message).toMatch(/DATABASE_SCHEMA .*MES_SQL_DSN/u);
    },
  );

  it('reads every variable', () => {
    const settings = {
      MES_SQL_DSN: './elsewhere/history.db',
      MES_DAILY_PARTITION: 'true',
      MES_TIME_ZONE: 'Asia/Shanghai',
      SQL_MAX_IDLE_CONNS: '50',
      SQL_MAX_OPEN_CONNS: '20',
      SQL_MAX_LIFETIME: '300',
    };

    expect(Object.keys(settings)).toEqual(historyStoreSettingNames);
    expect(parseHistoryStoreSettings({ ...beside, ...settings })).toEqual({
      address: { kind: 'sqlite', filename: '/app/elsewhere/history.db' },
      dailyPartitions: true,
      timeZone: 'Asia/Shanghai',
      pool: { maxIdle: 20, maxOpen: 20, maxLifetimeMs: 300_000 },
    });
  });

  it('returns one problem that names every wrong variable and contains no password', () => {
    const problem = parseHistoryStoreSettings({
      ...beside,
      MES_SQL_DSN: 'root:secret@tpc(localhost)/x',
      MES_DAILY_PARTITION: 'maybe',
      MES_TIME_ZONE: '+08:00',
      SQL_MAX_OPEN_CONNS: '0',
    });

    expect(problem).toBeInstanceOf(HistoryProblem);
    expect(problem).toMatchObject({ code: 'bad-settings' });
    const { message } = problem as HistoryProblem;
    for (const name of ['MES_SQL_DSN', 'MES_DAILY_PARTITION', 'MES_TIME_ZONE', 'SQL_MAX_OPEN_CONNS'])
      expect(message).toContain(name);
    expect(message).not.toContain('secret');
  });

  it('accepts the settings of config/history.ts, with the main database', () => {
    const valueOf = (name: string) => (name.startsWith('MES') ? name : '7');
    const env = (name: string, fallback?: string) =>
      name.startsWith('MES') || name.startsWith('SQL_MAX') ? valueOf(name) : fallback;
    const config = readConfig({ env } as never);

    expect(config).toMatchObject(
      Object.fromEntries(historyStoreSettingNames.map((name) => [name, valueOf(name)])),
    );
    expect(config.mainDatabase).toMatchObject({ client: 'sqlite' });
  });
});
