import { isAddress, toAccountKey, withinColumn } from './account-key';

export const userUid = 'plugin::users-permissions.user';

/** What an account is named by. */
export interface AccountName {
  readonly username?: string | null;
  readonly email?: string | null;
  readonly provider?: string | null;
}

/**
 * What is stored beside the names. The keys are what accounts are found by. The unique columns are what the database
 * keeps apart; null where the account shares the name: it is older than the rule, or emails may be shared.
 */
export interface AccountColumns {
  readonly usernameKey: string;
  readonly emailKey: string;
  readonly uniqueUsername: string | null;
  readonly uniqueEmail: string | null;
  readonly uniqueProviderEmail: string | null;
}

export const columnNames = [
  'usernameKey',
  'emailKey',
  'uniqueUsername',
  'uniqueEmail',
  'uniqueProviderEmail',
] as const satisfies readonly (keyof AccountColumns)[];

/** @param isEmailUnique whether one email is one account, or one for each provider: `unique_email` of the plugin. */
export function toAccountColumns(
  { username, email, provider }: AccountName,
  isEmailUnique: boolean,
): AccountColumns {
  const usernameKey = toAccountKey(username ?? '');
  const emailKey = toAccountKey(email ?? '');
  const hasEmail = emailKey !== '';
  return {
    usernameKey,
    emailKey,
    uniqueUsername: usernameKey === '' ? null : usernameKey,
    uniqueEmail: hasEmail && isEmailUnique ? emailKey : null,
    // Whatever `unique_email` says: while an administrator switches it, two requests can read it differently.
    uniqueProviderEmail: hasEmail ? withinColumn(`${provider ?? ''} ${emailKey}`) : null,
  };
}

/** Whether the username is an email address that is not the account's own. */
export function hasForeignAddress({ usernameKey, emailKey }: AccountColumns): boolean {
  return isAddress(usernameKey) && usernameKey !== emailKey;
}

interface Schema {
  attributes: Record<string, object>;
  config?: { readonly attributes?: Readonly<Record<string, object>> };
  indexes?: readonly object[];
}

/** Strapi's attribute for a column of ours: in no form, in no reply, and nothing to filter, sort or search by. */
const attribute = {
  type: 'string',
  configurable: false,
  private: true,
  searchable: false,
  visible: false,
  writable: false,
};

/** Adds the columns and their indexes to the content type of users. */
export function withAccountColumns<T extends Schema>(schema: T): T {
  const { username, ...attributes } = schema.attributes;
  return {
    ...schema,
    attributes: {
      // Strapi's `unique` is a look-up before the write, in the exact spelling: the columns are more.
      username: { ...username, unique: false },
      ...attributes,
      ...Object.fromEntries(columnNames.map((name) => [name, { ...attribute }])),
    },
    // Out of the replies of the admin panel, too.
    config: {
      ...schema.config,
      attributes: {
        ...schema.config?.attributes,
        ...Object.fromEntries(columnNames.map((name) => [name, { hidden: true }])),
      },
    },
    indexes: [
      ...(schema.indexes ?? []),
      { name: 'up_users_username_key_idx', columns: ['username_key'] },
      { name: 'up_users_email_key_idx', columns: ['email_key'] },
      { name: 'up_users_unique_username_uq', columns: ['unique_username'], type: 'unique' },
      { name: 'up_users_unique_email_uq', columns: ['unique_email'], type: 'unique' },
      {
        name: 'up_users_unique_provider_email_uq',
        columns: ['unique_provider_email'],
        type: 'unique',
      },
    ],
  };
}
