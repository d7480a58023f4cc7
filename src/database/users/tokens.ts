import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { tokenScopes, type PersonalToken } from '../../chat';
import { unlessDone } from '../sql/schema-changes';
import { inTransaction } from '../sql/transaction';
import { partsOf } from '../sql/parts';
import { passwordMarkOfAccount } from './login-table';

type Database = Core.Strapi['db'];

/** The personal tokens of users. The table is no content type, so an import does not change it. */
const tokenTable = 'chat_tokens';

/** A login by a personal token has this name, beside the session ids of other logins, which are hexadecimal. */
export const toTokenLogin = (tokenId: string): string => `${loginPrefix}${tokenId}`;
export const isTokenLogin = (login: string): boolean => login.startsWith(loginPrefix);
const loginPrefix = 'token:';

/** Creates the table. The database deletes a token together with its account. */
export async function createTokenTable(db: Database): Promise<void> {
  await unlessDone(
    () => db.getSchemaConnection().hasTable(tokenTable),
    () =>
      db.getSchemaConnection().createTable(tokenTable, (table) => {
        table.increments('id');
        table.string('token_id', 255).notNullable().unique();
        // SHA-256 of the whole token, in hexadecimal digits.
        table.string('hash', 64).notNullable().unique();
        table.integer('user_id').notNullable().index();
        table.string('user_document_id', 255).notNullable();
        table.string('password_mark', 255).notNullable();
        table.string('name', 255).notNullable();
        // Separated by commas.
        table.string('scopes', 255).notNullable();
        // Milliseconds since 1970.
        table.bigInteger('created').notNullable();
        table.bigInteger('expires');
        table.bigInteger('last_used');
        table.foreign('user_id').references('id').inTable('up_users').onDelete('CASCADE');
      }),
  );
}

/** A token that is valid, and its account. */
export interface ValidToken {
  readonly token: PersonalToken;
  readonly userId: number;
}

export interface NewToken extends PersonalToken {
  readonly hash: string;
}

/** The account for which a token is made. */
export interface TokenAccount {
  readonly id: number;
  readonly documentId: string;
  readonly passwordMark: string;
}

/**
 * The personal tokens of all users. A token is valid until it expires or its account is deleted, blocked, or gets
 * another documentId. With `endWithPassword`, it is also valid only with the password of the time when it was made.
 */
export interface Tokens {
  /** Lists the tokens that have not expired, oldest first. */
  listOf(userId: number): Promise<readonly PersonalToken[]>;
  findValid(hash: string): Promise<ValidToken | null>;
  /** Returns the user ids of valid tokens by the name of their login. Ignores logins of other kinds. */
  findAccountIds(logins: readonly string[]): Promise<ReadonlyMap<string, number>>;
  noteUse(tokenId: string, usedAt: Date): Promise<void>;
  /** @returns false if this user has no such token. */
  end(userId: number, tokenId: string): Promise<boolean>;
  endAll(userIds: readonly number[]): Promise<void>;
}

export function createTokens(db: Database, endWithPassword: boolean): Tokens {
  const rows = () => db.connection(tokenTable);
  return {
    listOf: (userId) => listTokensOf(db, userId),
    async findValid(hash) {
      const row = (await validTokens()
        .where('t.hash', hash)
        .first('t.user_id', ...columns.map((column) => `t.${column}`))) as
        (Row & { user_id: number }) | undefined;
      return row === undefined ? null : { token: toToken(row), userId: row.user_id };
    },
    async findAccountIds(logins) {
      const tokenIds = logins.filter(isTokenLogin).map((login) => login.slice(loginPrefix.length));
      const found = new Map<string, number>();
      for (const some of partsOf(tokenIds)) {
        const valid = (await validTokens().whereIn('t.token_id', some).select('t.token_id', 't.user_id')) as {
          token_id: string;
          user_id: number;
        }[];
        for (const row of valid) found.set(toTokenLogin(row.token_id), row.user_id);
      }
      return found;
    },
    async noteUse(tokenId, usedAt) {
      await rows().where({ token_id: tokenId }).update({ last_used: usedAt.getTime() });
    },
    async endAll(userIds) {
      // In the transaction of the caller if there is one, because SQLite has one connection.
      await inTransaction(db, async (trx) => {
        for (const some of partsOf(userIds)) await endTokensOf(db, trx, some);
      });
    },
    async end(userId, tokenId) {
      return (await rows().where({ user_id: userId, token_id: tokenId }).delete()) > 0;
    },
  };

  function validTokens(): Knex.QueryBuilder {
    const tokens = db
      .connection(`${tokenTable} as t`)
      .join('up_users as u', (on) =>
        on.on('u.id', '=', 't.user_id').andOn('u.document_id', '=', 't.user_document_id'),
      )
      .whereRaw('u.blocked is not true')
      .where(isCurrent);
    return endWithPassword ? tokens.whereRaw(`t.password_mark = ${passwordMarkOfAccount}`) : tokens;
  }
}

/** Lists the tokens of an account that have not expired, oldest first. */
export async function listTokensOf(db: Database, userId: number): Promise<readonly PersonalToken[]> {
  const own = db.connection(tokenTable).where({ user_id: userId }).where(isCurrent).orderBy('id');
  return ((await own.select(...columns)) as Row[]).map(toToken);
}

/** Counts the tokens of an account that have not expired, and removes the others. */
export async function countTokens(db: Database, trx: Knex.Transaction, userId: number): Promise<number> {
  const rows = () => db.connection(tokenTable).transacting(trx).where({ user_id: userId });
  await rows().where('expires', '<=', Date.now()).delete();
  const [row] = (await rows().count({ count: '*' })) as { count: number | string }[];
  return Number(row?.count);
}

export async function addToken(
  db: Database,
  trx: Knex.Transaction,
  { id, documentId, passwordMark }: TokenAccount,
  { tokenId, hash, name, scopes, createdAt, expiresAt }: NewToken,
): Promise<void> {
  await db
    .connection(tokenTable)
    .transacting(trx)
    .insert({
      token_id: tokenId,
      hash,
      user_id: id,
      user_document_id: documentId,
      password_mark: passwordMark,
      name,
      scopes: scopes.join(','),
      created: createdAt.getTime(),
      expires: expiresAt?.getTime() ?? null,
      last_used: null,
    });
}

export async function endTokensOf(
  db: Database,
  trx: Knex.Transaction,
  userIds: readonly number[],
): Promise<void> {
  await db.connection(tokenTable).transacting(trx).whereIn('user_id', userIds).delete();
}

const isCurrent = (rows: Knex.QueryBuilder): void =>
  void rows.whereNull('expires').orWhere('expires', '>', Date.now());

const columns = ['token_id', 'name', 'scopes', 'created', 'expires', 'last_used'] as const;

/** PostgreSQL returns large integers as text. */
interface Row {
  readonly token_id: string;
  readonly name: string;
  readonly scopes: string;
  readonly created: number | string;
  readonly expires: number | string | null;
  readonly last_used: number | string | null;
}

function toToken({ token_id, name, scopes, created, expires, last_used }: Row): PersonalToken {
  const given = scopes.split(',');
  return {
    tokenId: token_id,
    name,
    scopes: tokenScopes.filter((scope) => given.includes(scope)),
    createdAt: new Date(Number(created)),
    expiresAt: toDate(expires),
    lastUsedAt: toDate(last_used),
  };
}

const toDate = (ms: number | string | null): Date | null => (ms === null ? null : new Date(Number(ms)));
