import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { isUniqueViolation } from '../../database/sql/errors';
import { inTransaction } from '../../database/sql/transaction';
import {
  columnNames,
  hasForeignAddress,
  toAccountColumns,
  userUid,
  type AccountColumns,
  type AccountName,
} from './account-columns';
import { AccountTaken, ForeignAddress } from './account-errors';
import { readAdvancedSettings } from './advanced-settings';

type Data = Readonly<Record<string, unknown>>;
type Params = Readonly<Record<string, unknown>>;
/** The writing methods of Strapi's entity manager. */
interface EntityManager {
  create(uid: string, params: Params): Promise<unknown>;
  createMany(uid: string, params: Params): Promise<unknown>;
  update(uid: string, params: Params): Promise<unknown>;
  updateMany(uid: string, params: Params): Promise<unknown>;
}

/**
 * Patches Strapi's entity manager, so that every write of an account follows one rule. Such writes come from the
 * registration, the admin panel, API tokens and providers. They also come from imports and transfers, for which Strapi
 * disables lifecycle hooks. Delete this patch when Strapi runs hooks there.
 */
export function guardAccounts(strapi: Core.Strapi): void {
  const manager = strapi.db.entityManager as unknown as EntityManager;
  const { create, createMany, update, updateMany } = manager;
  const guard = createGuard(strapi);

  manager.create = async (uid, params) => {
    if (uid !== userUid) return create.call(manager, uid, params);
    const data = await guard.toCreated(params['data'] as Data);
    return withClearErrors(data, () => create.call(manager, uid, { ...params, data }));
  };
  manager.createMany = async (uid, params) => {
    if (uid !== userUid) return createMany.call(manager, uid, params);
    const data: Data[] = [];
    for (const one of params['data'] as readonly Data[]) data.push(await guard.toCreated(one));
    return withClearErrors({}, () => createMany.call(manager, uid, { ...params, data }));
  };
  const updateOne = async (id: number, params: Params) => {
    const data = params['data'] as Data;
    return withClearErrors({}, () =>
      inTransaction(strapi.db, async () => {
        const changed = await guard.toUpdated(id, data);
        return update.call(manager, userUid, { ...params, where: { id }, data: changed });
      }),
    );
  };
  manager.update = async (uid, params) => {
    if (uid !== userUid || !renames(params['data'])) return update.call(manager, uid, params);
    const row = await findIds(strapi, params['where'], 1);
    return row[0] === undefined ? null : updateOne(row[0], params);
  };
  manager.updateMany = async (uid, params) => {
    if (uid !== userUid || !renames(params['data'])) return updateMany.call(manager, uid, params);
    return inTransaction(strapi.db, async () => {
      const ids = await findIds(strapi, params['where']);
      for (const id of ids) await updateOne(id, { data: params['data'] });
      return { count: ids.length };
    });
  };
  refuseColumnsOfClients(strapi);
}

/** Removes the columns from the data of clients, such as API tokens. Only the server writes them. */
function refuseColumnsOfClients(strapi: Core.Strapi): void {
  strapi.documents.use(async (context, next) => {
    const { data } = context.params as { data?: Data };
    if (context.uid === userUid && data !== undefined) {
      const rest = Object.entries(data).filter(([name]) => !isColumn(name));
      Object.assign(context.params, { data: Object.fromEntries(rest) });
    }
    return next();
  });
}

const isColumn = (name: string): boolean => (columnNames as readonly string[]).includes(name);

function renames(data: unknown): boolean {
  const names = Object.keys((data ?? {}) as Data);
  return names.some((name) => ['username', 'email', 'provider'].includes(name) || isColumn(name));
}

async function findIds(strapi: Core.Strapi, where: unknown, limit?: number): Promise<number[]> {
  const rows = (await strapi.db.query(userUid).findMany({
    where: where as object,
    select: ['id'],
    orderBy: { id: 'asc' },
    ...(limit && { limit }),
  })) as { id: number }[];
  return rows.map(({ id }) => id);
}

/** Reports a name that another request took after the check. The index of the database refuses such a name. */
async function withClearErrors<T>({ documentId }: Data, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const column = violatedColumn(error as Error);
    if (column === undefined) throw error;
    throw new AccountTaken(column === 'unique_username' ? 'username' : 'email', documentId);
  }
}

/**
 * Returns the violated column. PostgreSQL names the index. SQLite names the column, at the end of a message that
 * contains the whole statement.
 */
function violatedColumn({ constraint, message }: Error & { constraint?: string }): string | undefined {
  const named = constraint ?? /UNIQUE constraint failed: up_users\.(\w+)$/u.exec(message)?.[1] ?? '';
  return /unique_(?:username|provider_email|email)/u.exec(named)?.[0];
}

function createGuard(strapi: Core.Strapi) {
  // An import removes the settings before it writes its own. Meanwhile, only one account per email and provider is
  // certain.
  const isEmailUnique = async () => (await readAdvancedSettings(strapi)).unique_email === true;

  return {
    async toCreated(data: Data): Promise<Data> {
      const columns = toAccountColumns(data, await isEmailUnique());
      if (isMovedHere(data, columns)) return { ...data, ...ofMoved(data, columns) };
      assertStorable(data);
      if (hasForeignAddress(columns)) throw new ForeignAddress(data['documentId']);
      await assertFree(strapi, data, columns);
      return { ...data, ...columns };
    },

    async toUpdated(id: number, change: Data): Promise<Data> {
      const data = Object.fromEntries(Object.entries(change).filter(([name]) => !isColumn(name)));
      const row = (await strapi.db
        .queryBuilder(userUid)
        .select(['username', 'email', 'provider'])
        .where({ id })
        .first()
        .forUpdate()
        .execute()) as AccountName | null;
      const isUnique = await isEmailUnique();
      const after: AccountName = { ...row, ...data };
      const [was, is] = [toAccountColumns(row ?? {}, isUnique), toAccountColumns(after, isUnique)];
      const changesUsername = was.usernameKey !== is.usernameKey;
      const changesEmail = was.uniqueProviderEmail !== is.uniqueProviderEmail;
      assertStorable(changedIn(data, row ?? {}));
      // An account that is older than the rule keeps its names and its columns.
      if (!changesUsername && !changesEmail) return data;
      if (hasForeignAddress(is)) throw new ForeignAddress();
      const { usernameKey, uniqueUsername, ...email } = is;
      const changed = {
        ...(changesUsername && { usernameKey, uniqueUsername }),
        ...(changesEmail && email),
      };
      await assertFree(strapi, after, changed, id);
      return { ...data, ...changed };
    },
  };
}

/**
 * Returns whether an import or a transfer brings the account from an installation with the rule. That one has checked
 * it.
 */
function isMovedHere(data: Data, { usernameKey, emailKey }: AccountColumns): boolean {
  return data['usernameKey'] === usernameKey && data['emailKey'] === emailKey;
}

/** Keeps a name shared if the account shared it in the other installation. */
function ofMoved(data: Data, columns: AccountColumns): AccountColumns {
  const { uniqueUsername, uniqueEmail, uniqueProviderEmail } = columns;
  return {
    ...columns,
    uniqueUsername: data['uniqueUsername'] === null ? null : uniqueUsername,
    uniqueEmail: data['uniqueEmail'] === null ? null : uniqueEmail,
    uniqueProviderEmail: data['uniqueProviderEmail'] === null ? null : uniqueProviderEmail,
  };
}

/** Returns the names that a change spells differently. */
function changedIn({ username, email }: AccountName, row: AccountName): AccountName {
  return {
    ...(username !== row.username && { username }),
    ...(email !== row.email && { email }),
  };
}

/** Limit of a column of Strapi's `string` type on PostgreSQL. SQLite would store more. */
const maxNameChars = 255;

/**
 * Refuses names that are too long or have control characters. PostgreSQL stores no NUL, and control characters make
 * two names look equal.
 */
function assertStorable({ username, email }: AccountName): void {
  for (const [field, name] of Object.entries({ Username: username, Email: email })) {
    if (typeof name === 'string' && name.length > maxNameChars) {
      throw new errors.ValidationError(`${field} must have at most ${maxNameChars} characters`);
    }
  }
  if (typeof username === 'string' && /\p{Cc}/u.test(username)) {
    throw new errors.ValidationError('Username must not contain control characters');
  }
}

/**
 * Checks that no other account has these names. The index keeps new accounts distinct. This query finds accounts that
 * the index does not contain. They share a name and are older than the rule, or an older process has just made them.
 */
async function assertFree(
  strapi: Core.Strapi,
  { username, email, provider, documentId }: AccountName & { documentId?: unknown },
  { usernameKey, emailKey, uniqueEmail }: Partial<AccountColumns>,
  ownId?: number,
): Promise<void> {
  const sameEmail = uniqueEmail === null ? { provider: provider ?? null } : {};
  const names: object[] = [];
  if (usernameKey !== undefined && usernameKey !== '') {
    names.push({ usernameKey }, { usernameKey: null, username });
  }
  if (emailKey !== undefined && emailKey !== '') {
    names.push({ emailKey, ...sameEmail }, { usernameKey: null, email: email?.toLowerCase(), ...sameEmail });
  }
  if (names.length === 0) return;
  const others = (await strapi.db.query(userUid).findMany({
    where: { $and: [{ $or: names }, ...(ownId === undefined ? [] : [{ id: { $ne: ownId } }])] },
    select: ['username', 'usernameKey'],
    limit: 2,
  })) as (AccountName & { usernameKey: string | null })[];
  if (others.length === 0) return;
  const isUsername = others.some(
    (other) => (other.usernameKey ?? other.username) === (usernameKey ?? username),
  );
  throw new AccountTaken(isUsername ? 'username' : 'email', documentId);
}
