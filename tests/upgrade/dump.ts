import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';

import BetterSqlite3 from 'better-sqlite3';
import knex from 'knex';
import { createConnection } from 'mysql2/promise';

/** Extensions of fixture files. SQLite files are copies of the database, the others are SQL. */
const nameOf = { sqlite: 'db.gz', postgres: 'sql.gz', mariadb: 'sql.gz' } as const;

export type Kind = keyof typeof nameOf;

/** The location of a database: a file name or a URL. */
export interface Place {
  readonly kind: Kind;
  readonly address: string;
}

/** @param target the path of the file, without its extension. */
export function dump({ kind, address }: Place, target: string): void {
  writeFileSync(`${target}.${nameOf[kind]}`, gzipSync(read({ kind, address }), { level: 9 }));
}

function read({ kind, address }: Place): Buffer {
  if (kind === 'sqlite') return readSqlite(address);
  const { hostname, port, username, password, pathname } = new URL(address);
  const database = pathname.slice(1);
  const at = [`--host=${hostname}`, `--port=${port}`];
  return kind === 'postgres'
    ? run(
        'pg_dump',
        [...at, `--username=${username}`, '--inserts', '--no-owner', '--no-privileges', database],
        {
          PGPASSWORD: password,
        },
      )
    : run('mariadb-dump', [...at, '--protocol=tcp', `--user=${username}`, '--skip-comments', database], {
        MYSQL_PWD: decodeURIComponent(password),
      });
}

/** Reads a SQLite database, also while other connections use it. */
function readSqlite(filename: string): Buffer {
  const copy = `${filename}.copy`;
  const db = new BetterSqlite3(filename);
  db.prepare('vacuum into ?').run(copy);
  db.close();
  return readFileSync(copy);
}

const run = (program: string, args: readonly string[], env: Readonly<Record<string, string>>) =>
  execFileSync(program, args, { env: { ...process.env, ...env }, maxBuffer: 1e9 });

/** Fills an empty database from a dump. */
export async function load(source: string, { kind, address }: Place): Promise<void> {
  const content = gunzipSync(readFileSync(`${source}.${nameOf[kind]}`));
  if (kind === 'sqlite') return writeFileSync(address, content);
  const sql = content.toString();
  await (kind === 'postgres' ? loadPostgres(address, sql) : loadMariadb(address, sql));
}

async function loadPostgres(connection: string, sql: string): Promise<void> {
  const db = knex({ client: 'pg', connection, pool: { min: 0, max: 1 } });
  try {
    // Lines with a leading backslash are psql commands. knex would replace a question mark by a binding.
    await db.raw(sql.replaceAll(/^\\.*$/gmu, '').replaceAll('?', '\\?'));
  } finally {
    await db.destroy();
  }
}

async function loadMariadb(address: string, sql: string): Promise<void> {
  const connection = await createConnection({ ...toMysql(address), multipleStatements: true });
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

function toMysql(address: string) {
  const { hostname: host, port, username: user, password, pathname } = new URL(address);
  return {
    host,
    port: Number(port),
    user,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
  };
}
