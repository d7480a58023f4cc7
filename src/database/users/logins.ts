import { setImmediate as othersTurn } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { createGroupCommit } from '../sql/group-commit';
import { loginTable, passwordMarkOfAccount, toPasswordMark, userOrigin } from './login-table';
import { nowMsIn } from '../sql/clock';
import { partsOf } from '../sql/parts';
import { queryDriver, statementsOf } from '../sql/statements';
import { inTransaction } from '../sql/transaction';
import { addToken, countTokens, endTokensOf, isTokenLogin, type NewToken, type Tokens } from './tokens';

type Database = Core.Strapi['db'];

/** The account of a login. Its row is locked. */
export interface LoginAccount {
  readonly id: number;
  readonly documentId: string;
  readonly passwordMark: string;
}

/** A session that is tied to its account. */
export interface TiedSession {
  readonly sessionId: string;
  readonly familyId: string;
  readonly userId: number;
  /** The time of this read by the database's clock, in milliseconds since 1970. */
  readonly readAtMs: number;
}

export type Rotation =
  /** The session's refresh token was not used yet. */
  | { readonly state: 'unused' }
  /** The refresh token was used, and the session that it created still exists. */
  | {
      readonly state: 'used';
      /** Whether it was used at or after the given time. */
      readonly isRecent: boolean;
      readonly isChildUsed: boolean;
    }
  | { readonly state: 'gone' };

/**
 * Checks which logins of users-permissions are valid, and to which account they belong. A login is a session or a
 * personal token.
 */
export interface Logins {
  /**
   * Returns the user id of a login's account.
   * Returns null if the session or account no longer exists, or if the account is blocked.
   * Also returns null if the account has another documentId or another password than at login.
   * Concurrent calls share one statement.
   */
  findAccountId(sessionId: string): Promise<number | null>;
  /** Returns the user ids of valid logins by session id, or by the name of a token's login. */
  findAccountIds(sessionIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Returns the user ids of those accounts that are not blocked, by documentId. For logins without a session. */
  findAccounts(documentIds: readonly string[]): Promise<ReadonlyMap<string, number>>;
  findTied(sessionId: string): Promise<TiedSession | null>;
  /**
   * Runs a transaction that locks the account's row. Changes to the logins of one account therefore run one by one.
   * They also wait for a running change of the password or of `blocked`. `account` is null if no account exists.
   */
  withAccount<T>(
    userId: number,
    run: (account: LoginAccount | null, changes: LoginChanges) => Promise<T>,
  ): Promise<T>;
  /** Ends every session of these accounts, and every personal token if `withTokens` is true. */
  endAllOf(userIds: readonly number[], options: { readonly withTokens: boolean }): Promise<void>;
}

/** Changes to the logins of an account whose row is locked. */
export interface LoginChanges {
  findAccountId(sessionId: string): Promise<number | null>;
  tie(sessionId: string, account: LoginAccount): Promise<void>;
  /** @param sinceMs milliseconds since 1970 by the database's clock. */
  findRotation(sessionId: string, sinceMs: number): Promise<Rotation>;
  /** Makes the session `childId` the successor of `parent` in the same login. */
  tieChild(parent: TiedSession, childId: string): Promise<void>;
  setStatus(sessionId: string, status: 'active' | 'rotated'): Promise<void>;
  endFamily(familyId: string): Promise<void>;
  /** Counts the personal tokens that have not expired. */
  countTokens(account: LoginAccount): Promise<number>;
  addToken(account: LoginAccount, token: NewToken): Promise<void>;
}

/** More than a PostgreSQL pool has connections, and few enough for one statement. */
const maxTogether = 500;

/** @param isTied whether sessions are tied to accounts. Otherwise, a session counts by its user id and its own row. */
export function createLogins(db: Database, tokens: Pick<Tokens, 'findAccountIds'>, isTied = true): Logins {
  const isPostgres = db.dialect.client === 'postgres';
  const findOne = createGroupCommit(async (logins: readonly string[]) => {
    const found = await findAccountIds(logins);
    return logins.map((login) => found.get(login) ?? null);
  }, maxTogether);
  return { findAccountId: findOne, findAccountIds, findAccounts, findTied, withAccount, endAllOf };

  async function findAccountIds(logins: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const sessionIds = logins.filter((login) => !isTokenLogin(login));
    const found = new Map(await tokens.findAccountIds(logins));
    for (let start = 0; start < sessionIds.length; start += maxTogether) {
      const some = sessionIds.slice(start, start + maxTogether);
      const rows = isPostgres ? await askPostgres(db, some, isTied) : await askSqlite(db, some, isTied);
      for (const row of rows) found.set(row.session_id, row.user_id);
      if (start + maxTogether < sessionIds.length) await othersTurn();
    }
    return found;
  }

  async function findAccounts(documentIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const found = new Map<string, number>();
    for (const some of partsOf(documentIds)) {
      const rows = (await db
        .connection('up_users')
        .whereIn('document_id', some)
        .whereRaw('blocked is not true')
        .select('id', 'document_id')) as { id: number; document_id: string }[];
      for (const row of rows) found.set(row.document_id, row.id);
    }
    return found;
  }

  async function findTied(sessionId: string): Promise<TiedSession | null> {
    const [row] = await statementsOf(db.connection)<TiedRow>({
      sql: `select family_id, user_id, ${nowMsIn(db)} as read_at from ${loginTable} where session_id = ?`,
      values: [sessionId],
    });
    if (row === undefined) return null;
    return {
      sessionId,
      familyId: row.family_id,
      userId: row.user_id,
      readAtMs: Number(row.read_at),
    };
  }

  async function withAccount<T>(
    userId: number,
    run: (account: LoginAccount | null, changes: LoginChanges) => Promise<T>,
  ): Promise<T> {
    return inTransaction(db, async (trx) => {
      const row = (await db
        .connection('up_users')
        .transacting(trx)
        .where({ id: userId })
        .forNoKeyUpdate()
        .first('id', 'document_id', 'password')) as
        { id: number; document_id: string; password: string | null } | undefined;
      const account =
        row === undefined
          ? null
          : { id: row.id, documentId: row.document_id, passwordMark: toPasswordMark(row.password) };
      return run(account, createLoginChanges(db, trx, isTied));
    });
  }

  async function endAllOf(
    userIds: readonly number[],
    { withTokens }: { readonly withTokens: boolean },
  ): Promise<void> {
    await inTransaction(db, async (trx) => {
      for (const some of partsOf(userIds)) {
        if (withTokens) await endTokensOf(db, trx, some);
        await db
          .connection('strapi_sessions')
          .transacting(trx)
          .where({ origin: userOrigin })
          .whereIn('user_id', some.map(String))
          .delete();
      }
    });
  }
}

function createLoginChanges(db: Database, trx: Knex.Transaction, isTied: boolean): LoginChanges {
  const goodOnes = isTied ? goodSessions : untiedSessions;
  const run = statementsOf(trx);
  const sessions = () => db.connection('strapi_sessions').transacting(trx);
  return {
    async findAccountId(sessionId) {
      const [row] = await run<GoodRow>({ sql: goodOnes('= ?'), values: [sessionId] });
      return row?.user_id ?? null;
    },
    async tie(sessionId, account) {
      await run({
        sql: `insert into ${loginTable}
            (session_row_id, session_id, family_id, user_id, user_document_id, password_mark)
          select id, session_id, session_id, ?, ?, ? from strapi_sessions where session_id = ?`,
        values: [account.id, account.documentId, account.passwordMark, sessionId],
      });
    },
    async findRotation(sessionId, sinceMs) {
      const [row] = await run<{ used: number; recent: number; child: string | null; child_used: number }>({
        sql: `select
            case when l.rotated_at is null then 0 else 1 end as used,
            case when l.rotated_at >= ? then 1 else 0 end as recent,
            child.session_id as child,
            case when child.rotated_at is null then 0 else 1 end as child_used
          from ${loginTable} l
          join strapi_sessions s on s.id = l.session_row_id
          left join ${loginTable} child on child.session_id = s.child_id
          where l.session_id = ?`,
        values: [sinceMs, sessionId],
      });
      if (row === undefined) return { state: 'gone' };
      if (row.used === 0) return { state: 'unused' };
      if (row.child === null) return { state: 'gone' };
      return { state: 'used', isRecent: row.recent === 1, isChildUsed: row.child_used === 1 };
    },
    async tieChild(parent, childId) {
      await run({
        sql: `insert into ${loginTable}
            (session_row_id, session_id, family_id, user_id, user_document_id, password_mark)
          select s.id, s.session_id, l.family_id, l.user_id, l.user_document_id, l.password_mark
          from ${loginTable} l, strapi_sessions s
          where l.session_id = ? and s.session_id = ?`,
        values: [parent.sessionId, childId],
      });
      await run({
        sql: `update ${loginTable} set rotated_at = ${nowMsIn(db)} where session_id = ?`,
        values: [parent.sessionId],
      });
    },
    async setStatus(sessionId, status) {
      await sessions().where({ session_id: sessionId }).update({ status });
    },
    async endFamily(familyId) {
      const family = db.connection(loginTable).where({ family_id: familyId }).select('session_row_id');
      await sessions().whereIn('id', family).delete();
    },
    countTokens: ({ id }) => countTokens(db, trx, id),
    addToken: (account, token) => addToken(db, trx, account, token),
  };
}

interface TiedRow {
  readonly family_id: string;
  readonly user_id: number;
  /** PostgreSQL returns large integers as text. */
  readonly read_at: number | string;
}

interface GoodRow {
  readonly session_id: string;
  readonly user_id: number;
}

/** Returns the SQL that each request of a user runs. It reads the index on `session_id`, then primary keys. */
const goodSessions = (isGiven: string) =>
  [
    `select l.session_id, l.user_id from ${loginTable} l`,
    'join strapi_sessions s on s.id = l.session_row_id and s.user_id = cast(l.user_id as varchar(255))',
    'join up_users u on u.id = l.user_id and u.document_id = l.user_document_id',
    `where l.session_id ${isGiven} and u.blocked is not true and l.password_mark = ${passwordMarkOfAccount}`,
  ].join(' ');

/** Returns the SQL for sessions that nothing ties to their accounts. Strapi stores user ids as text. */
const untiedSessions = (isGiven: string) =>
  [
    'select s.session_id, u.id as user_id from strapi_sessions s',
    'join up_users u on u.id = cast(s.user_id as integer)',
    `where s.session_id ${isGiven} and s.origin = '${userOrigin}' and u.blocked is not true`,
  ].join(' ');

/** Runs a prepared statement without knex, because each request needs it. */
async function askPostgres(
  db: Database,
  sessionIds: readonly string[],
  isTied: boolean,
): Promise<readonly GoodRow[]> {
  const sessions = isTied ? goodSessions : untiedSessions;
  const response = await queryDriver(db, {
    sql: sessions("= any(string_to_array($1, ','))"),
    // Session ids are hexadecimal, so none contains a comma.
    bindings: [sessionIds.join(',')],
    options: { name: 'chat-good-logins' },
  });
  return (response as { readonly rows: readonly GoodRow[] }).rows;
}

function askSqlite(
  db: Database,
  sessionIds: readonly string[],
  isTied: boolean,
): Promise<readonly GoodRow[]> {
  const sessions = isTied ? goodSessions : untiedSessions;
  return statementsOf(db.connection)<GoodRow>({
    sql: sessions('in (select value from json_each(?))'),
    values: [JSON.stringify(sessionIds)],
  });
}
