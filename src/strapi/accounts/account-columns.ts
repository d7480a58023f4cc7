import { isAddress, toAccountKey, withinColumn } from './account-key';

export const userUid = 'plugin::users-permissions.user';

/** The names of an account. */
export interface AccountName {
  readonly username?: string | null;
  readonly email?: string | null;
  readonly provider?: string | null;
}

/**
 * Columns that the server stores next to the names. The server finds accounts by the keys. The database keeps the
 * unique columns distinct. Such a column is null if the account shares the name. It is then older than the rule, or
 * accounts may share emails.
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

/** @param isEmailUnique whether one email is one account, or one account per provider: `unique_email` of the plugin. */
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
    // Independent of `unique_email`: while an administrator changes it, two requests can read different values.
    uniqueProviderEmail: hasEmail ? withinColumn(`${provider ?? ''} ${emailKey}`) : null,
  };
}

/** Returns whether the username is an email address other than the account's own. */
export function hasForeignAddress({ usernameKey, emailKey }: AccountColumns): boolean {
  return isAddress(usernameKey) && usernameKey !== emailKey;
}

interface Schema {
  attributes: Record<string, object>;
  config?: { readonly attributes?: Readonly<Record<string, object>> };
  indexes?: readonly object[];
}

/**
 * Strapi's attribute for such a column. No form and no reply contains it, and no client can filter, sort or search by
 * it.
 */
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
      // Strapi's `unique` only searches before the write, for the exact spelling. The columns do more.
      username: { ...username, unique: false },
      ...attributes,
      ...Object.fromEntries(columnNames.map((name) => [name, { ...attribute }])),
    },
    // Hides the columns from the replies of the admin panel, too.
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
