import type { Observed } from './observe';

/** Describes the installation of a fixture, in addition to its databases. */
export interface Fixture {
  readonly users: readonly {
    readonly id: number;
    readonly documentId: string;
    readonly username: string;
    readonly email: string;
    readonly jwt: string;
    readonly refreshToken: string;
  }[];
  /** The key of a read-only API token. */
  readonly readOnlyKey: string;
  /** The turn that was running when the process was killed. */
  readonly pending: {
    readonly username: string;
    readonly turn_id: string;
    readonly session_id: string;
  };
  /** The UTC day on which the installation was filled. */
  readonly day: string;
  /** The replies that each user received from that release, by username. */
  readonly observed: Readonly<Record<string, Observed>>;
  /** Number of rows by table. */
  readonly rows: Readonly<Record<string, number>>;
}

/** The key of the question "Sent once". */
export const idempotencyKey = 'sent-before-the-upgrade';

/** The secrets of all fixture installations. With them, their logins, tokens and keys stay valid. */
export const secrets = {
  APP_KEYS: 'keys-of-the-upgrade-fixtures',
  ADMIN_JWT_SECRET: 'admin-secret-of-the-upgrade-fixtures',
  API_TOKEN_SALT: 'api-token-salt-of-the-upgrade-fixtures',
  TRANSFER_TOKEN_SALT: 'transfer-salt-of-the-upgrade-fixtures',
  ENCRYPTION_KEY: 'encryption-key-of-the-upgrade-fixtures',
  JWT_SECRET: 'jwt-secret-of-the-upgrade-fixtures',
};
