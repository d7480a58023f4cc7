import { createHmac, hkdfSync, randomUUID } from 'node:crypto';

import type { Core } from '@strapi/strapi';

import {
  longestLoginPauseMs,
  loginClaimMs,
  loginPauseMs,
  maxLoginTries,
  type LoginAttempts,
  type LoginClaim,
  type LoginResult,
  type UpstreamAccount,
} from '../../chat';
import { nowMsIn, type WithDialect } from '../sql/clock';
import { createTable, type WithSchema } from '../sql/schema-changes';
import { statementsOf } from '../sql/statements';

/** The last tries to log in, one row for each account. The table is no content type, so Strapi does not export it. */
const tableName = 'chat_login_attempts';

/** Creates the table. The server calls this before it asks any upstream. */
export async function createLoginAttemptsTable(db: WithSchema): Promise<void> {
  await createTable(db, tableName, (table) => {
    table.string('account', 64).primary();
    // One of `trying`, `waiting` and `refused`.
    table.string('state', 16).notNullable();
    table.string('holder', 36).notNullable();
    table.integer('tries').notNullable();
    // Milliseconds since 1970, by the database's clock.
    table.bigInteger('claimed_at').notNullable();
    table.bigInteger('retry_at').notNullable();
    table.integer('upstream_status');
    table.string('upstream_code', 64);
  });
}

type Database = Pick<Core.Strapi['db'], 'connection'> & WithDialect;

/** @param secret keeps others from guessing passwords by the rows. With another secret, nothing is known of any account. */
export function createLoginAttempts(db: Database, secret: string): LoginAttempts {
  const statement = statementsOf(db.connection);
  const now = nowMsIn(db);
  const keyOf = createKeyOf(secret);
  const rows = (account: string) => db.connection(tableName).where({ account });
  /** SQL for "a process is trying, and it is not dead". */
  const isClaimed = `(state = 'trying' and claimed_at > ${now} - ${loginClaimMs})`;
  return {
    claim: async (given) => {
      const account = keyOf(given);
      const holder = randomUUID();
      return (await isClaimedBy(account, holder))
        ? { state: 'claimed', end: (result) => end(account, holder, result) }
        : read(account);
    },
    async forget(given) {
      await rows(keyOf(given)).whereRaw(`not ${isClaimed}`).delete();
    },
  };

  /** The last try keeps its claim for the longest pause, in case its process does not end it. */
  async function isClaimedBy(account: string, holder: string): Promise<boolean> {
    const claimed = await statement<unknown>({
      sql: `insert into ${tableName} as known (account, state, holder, tries, claimed_at, retry_at)
       values (?, 'trying', ?, 1, ${now}, ${now} + ${loginClaimMs})
       on conflict (account) do update set state = 'trying', holder = excluded.holder, tries = known.tries + 1,
         claimed_at = ${now}, upstream_status = null,
         retry_at = ${now} +
           case when known.tries + 1 < ${maxLoginTries} then ${loginClaimMs} else ${longestLoginPauseMs} end
       where known.state <> 'refused' and known.retry_at <= ${now}
       returning tries`,
      values: [account, holder],
    });
    return claimed.length > 0;
  }

  async function read(account: string): Promise<LoginClaim> {
    const row = (await rows(account).first(
      'state',
      'upstream_status',
      'upstream_code',
      db.connection.raw(`case when ${isClaimed} then 1 else 0 end as is_claimed`),
    )) as AttemptRow | undefined;
    // Without a row, the other process has just logged in.
    if (row === undefined || row.is_claimed === 1) return { state: 'busy' };
    const { upstream_status: upstreamStatus, upstream_code: upstreamCode } = row;
    return row.state === 'refused'
      ? {
          state: 'refused',
          reason: { upstreamStatus: upstreamStatus ?? 401, upstreamCode: upstreamCode ?? 'unknown' },
        }
      : { state: 'paused', upstreamStatus };
  }

  async function end(account: string, holder: string, result: LoginResult): Promise<void> {
    const claimed = rows(account).where({ holder, state: 'trying' });
    switch (result.type) {
      case 'accepted':
        await claimed.delete();
        return;
      case 'refused':
        await claimed.update({
          state: 'refused',
          upstream_status: result.reason.upstreamStatus,
          upstream_code: result.reason.upstreamCode,
        });
        return;
      case 'failed':
        await claimed.update({
          state: 'waiting',
          upstream_status: result.upstreamStatus,
          retry_at: db.connection.raw(`${now} + ${pauseSql}`),
        });
        return;
      case 'unchecked':
        await claimed.update({ state: 'waiting', tries: db.connection.raw('tries - 1'), retry_at: 0 });
    }
  }
}

/** SQL for `loginPauseMs`. */
const pauseSql = `case ${Array.from({ length: maxLoginTries - 1 }, (_, before) => before + 1)
  .map((tries) => `when tries = ${tries} then ${loginPauseMs(tries)}`)
  .join(' ')} else ${longestLoginPauseMs} end`;

interface AttemptRow {
  readonly state: string;
  readonly upstream_status: number | null;
  readonly upstream_code: string | null;
  readonly is_claimed: number;
}

/** Returns a function that names an account without showing anything of it. */
function createKeyOf(secret: string): (account: UpstreamAccount) => string {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'logins to accounts of upstreams', 32));
  return ({ url, email, password }) =>
    createHmac('sha256', key)
      .update(JSON.stringify([url, email, password]))
      .digest('hex');
}
