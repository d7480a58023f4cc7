import { setImmediate as yieldToEventLoop } from 'node:timers/promises';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { toGiven } from '../../database/sql/given-rows';
import { statementsOf } from '../../database/sql/statements';
import { inTransaction } from '../../database/sql/transaction';
import {
  hasForeignAddress,
  toAccountColumns,
  type AccountColumns,
  type AccountName,
} from './account-columns';
import { readAdvancedSettings } from './advanced-settings';

/** Accounts in one transaction. It takes some milliseconds, and other writes of accounts wait meanwhile. */
const batchSize = 500;

type Row = AccountName & { readonly id: number };
type Filled = AccountColumns & { readonly id: number; readonly isSharing: boolean };

/**
 * Stores the keys of accounts that have none. At the first start of a version with keys, these are all accounts.
 * Later, a process of an older version or an operator's SQL may have made some. Accounts that share a name keep it.
 * The oldest one owns it, and the server logs the ids of the others once.
 */
export async function fillInAccounts(strapi: Core.Strapi, size = batchSize): Promise<void> {
  const isEmailUnique = (await readAdvancedSettings(strapi)).unique_email === true;
  for (;;) {
    const filled = await inTransaction(strapi.db, (trx) => fillInBatch(strapi.db, trx, isEmailUnique, size));
    report(strapi.log, filled);
    if (filled.length < size) return;
    await yieldToEventLoop();
  }
}

function report(log: Core.Strapi['log'], filled: readonly Filled[]): void {
  const idsOf = (rows: readonly Filled[]) => rows.map(({ id }) => id).join(', ');
  const sharing = filled.filter(({ isSharing }) => isSharing);
  if (sharing.length > 0) {
    log.warn(
      'Accounts that share a username or an email with an older account keep it, because they were made before the ' +
        `server refused that. Rename or delete them. Ids of the users: ${idsOf(sharing)}.`,
    );
  }
  const foreign = filled.filter(hasForeignAddress);
  if (foreign.length > 0) {
    log.warn(
      'Accounts whose username is an email address other than their own keep it. The owner of that address cannot ' +
        `register. Rename these accounts. Ids of the users: ${idsOf(foreign)}.`,
    );
  }
}

async function fillInBatch(
  db: Core.Strapi['db'],
  trx: Knex.Transaction,
  isEmailUnique: boolean,
  size: number,
): Promise<readonly Filled[]> {
  if ((await trx<Row>('up_users').whereNull('username_key').first('id')) === undefined) return [];
  // Nobody can take a name meanwhile, and another process that starts waits. SQLite has one writer at a time.
  if (db.dialect.client === 'postgres') await trx.raw('lock table up_users in share row exclusive mode');
  const rows = await trx<Row>('up_users')
    .whereNull('username_key')
    .orderBy('id')
    .limit(size)
    .select('id', 'username', 'email', 'provider');
  if (rows.length === 0) return [];
  const wanted = rows.map((row) => ({ id: row.id, ...toAccountColumns(row, isEmailUnique) }));
  const free = createClaims(await findClaimed(trx, wanted));
  const filled = wanted.map((row) => {
    const { uniqueUsername, uniqueEmail, uniqueProviderEmail } = row;
    const own = {
      uniqueUsername: free.claim('username', uniqueUsername),
      uniqueEmail: free.claim('email', uniqueEmail),
      uniqueProviderEmail: free.claim('providerEmail', uniqueProviderEmail),
    };
    const isSharing =
      own.uniqueUsername !== uniqueUsername ||
      own.uniqueEmail !== uniqueEmail ||
      own.uniqueProviderEmail !== uniqueProviderEmail;
    return { ...row, ...own, isSharing };
  });
  await store(trx, filled);
  return filled;
}

type Kind = 'username' | 'email' | 'providerEmail';
type Claimed = Readonly<Record<Kind, readonly (string | null)[]>>;

/** Gives each value to the first that claims it. */
function createClaims(claimed: Claimed) {
  const taken = {
    username: new Set(claimed.username),
    email: new Set(claimed.email),
    providerEmail: new Set(claimed.providerEmail),
  };
  return {
    claim(kind: Kind, value: string | null): string | null {
      if (value === null || taken[kind].has(value)) return null;
      taken[kind].add(value);
      return value;
    },
  };
}

async function findClaimed(trx: Knex.Transaction, wanted: readonly AccountColumns[]): Promise<Claimed> {
  const find = async (column: string, values: readonly (string | null)[]) => {
    const given = values.filter((value) => value !== null);
    const rows: Record<string, string>[] = await trx('up_users').whereIn(column, given).select(column);
    return rows.map((row) => row[column] ?? null);
  };
  return {
    username: await find(
      'unique_username',
      wanted.map(({ uniqueUsername }) => uniqueUsername),
    ),
    email: await find(
      'unique_email',
      wanted.map(({ uniqueEmail }) => uniqueEmail),
    ),
    providerEmail: await find(
      'unique_provider_email',
      wanted.map(({ uniqueProviderEmail }) => uniqueProviderEmail),
    ),
  };
}

async function store(trx: Knex.Transaction, filled: readonly Filled[]): Promise<void> {
  const sql = `update up_users set username_key = given.column2, email_key = given.column3,
    unique_username = given.column4, unique_email = given.column5, unique_provider_email = given.column6
    from $given where up_users.id = cast(given.column1 as integer)`;
  const rows = filled.map(
    ({ id, usernameKey, emailKey, uniqueUsername, uniqueEmail, uniqueProviderEmail }) =>
      [id, usernameKey, emailKey, uniqueUsername, uniqueEmail, uniqueProviderEmail] as const,
  );
  await statementsOf(trx)(toGiven(sql, rows));
}
