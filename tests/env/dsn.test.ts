import { DsnError, parseDsn } from '../../src/env/dsn';
import { thrown } from '../chat/support/collect';

const mysql = (overrides: object) => ({
  kind: 'mysql',
  user: 'root',
  password: '123456',
  database: 'oneapi',
  at: { host: 'localhost', port: 3306 },
  tls: 'off',
  ...overrides,
});

describe('parseDsn', () => {
  it.each([
    'postgres://user:password@localhost:5432/oneapi_messages',
    'postgresql://user@localhost/oneapi_messages?sslmode=require',
  ])('returns the PostgreSQL URL %s unchanged', (connectionString) => {
    expect(parseDsn(connectionString)).toEqual({ kind: 'postgres', connectionString });
  });

  it.each([
    ['root:123456@tcp(localhost:3306)/oneapi', {}],
    ['root:123456@tcp(localhost)/oneapi', {}],
    [
      'root:123456@tcp(mysql:3307)/new-api-mes',
      { database: 'new-api-mes', at: { host: 'mysql', port: 3307 } },
    ],
    ['root:123456@tcp([::1]:3307)/oneapi', { at: { host: '::1', port: 3307 } }],
    ['root:123456@tcp/oneapi', { at: { host: '127.0.0.1', port: 3306 } }],
    ['root:p@ss:w/rd?x=1@tcp(localhost:3306)/oneapi', { password: 'p@ss:w/rd?x=1' }],
    ['root:a@tcp(b)/c@tcp(localhost:3306)/oneapi', { password: 'a@tcp(b)/c' }],
    ['root@tcp(localhost:3306)/oneapi', { password: '' }],
    ['root:123456@unix(/run/mysqld.sock)/oneapi', { at: { socketPath: '/run/mysqld.sock' } }],
    ['root:123456@tcp(localhost:3306)/oneapi?charset=utf8mb4&parseTime=True&loc=Local', {}],
    ['root:123456@tcp(localhost:3306)/oneapi?tls=skip-verify', { tls: 'unchecked' }],
    ['root:123456@tcp(localhost:3306)/oneapi?ssl=true', { tls: 'checked' }],
    ['mysql://root:123456@localhost/oneapi', {}],
    ['mysql://r%40ot:123456@localhost/one%20api', { user: 'r@ot', database: 'one api' }],
    [
      'mysql://root:p%40ss%3A%2F@[::1]:3307/oneapi?tls=true',
      { password: 'p@ss:/', at: { host: '::1', port: 3307 }, tls: 'checked' },
    ],
  ])('reads the MySQL DSN %s', (text, overrides) => {
    expect(parseDsn(text)).toEqual(mysql(overrides));
  });

  it.each([
    ['./history.db', './history.db'],
    ['/var/lib/history.sqlite3', '/var/lib/history.sqlite3'],
    ['history.db?_busy_timeout=5000', 'history.db'],
    ['file:history', 'history'],
    ['file:///var/lib/history', '/var/lib/history'],
    ['sqlite:///var/lib/history.db', '/var/lib/history.db'],
    ['sqlite://history.db', 'history.db'],
    ['C:\\data\\history.db', 'C:\\data\\history.db'],
  ])('treats %s as a SQLite file', (text, filename) => {
    expect(parseDsn(text)).toEqual({ kind: 'sqlite', filename });
  });

  it.each([
    '',
    'history',
    'root:secret@tpc(localhost:3306)/oneapi',
    'root:secret@tcp(localhost:3306)',
    'root:secret@tcp(localhost:3306)/',
    'root:secret@tcp(localhost:99999)/oneapi',
    'root:secret@tcp(localhost:0)/oneapi',
    'root:secret@tcp(localhost:3306)/oneapi?tls=own',
    'mysql://root:secret@localhost',
    'mysql://root:sec%ret@localhost/oneapi',
    'postgres://user:secret@localhost',
    'postgres://user:sec#ret@localhost/name',
    'postgres://user:secret@local host/name',
    'mongodb://secret@localhost/name.db',
  ])('rejects %j without a secret in the error', async (text) => {
    const error = await thrown(() => parseDsn(text));

    expect(error).toBeInstanceOf(DsnError);
    expect((error as DsnError).message).not.toMatch(/secret|sec%ret|sec#ret/u);
  });
});
