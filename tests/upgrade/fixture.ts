import type { Observed } from './observe';

/** What is known of the installation in a fixture, apart from its databases. */
export interface Fixture {
  readonly users: readonly {
    readonly id: number;
    readonly documentId: string;
    readonly username: string;
    readonly email: string;
    readonly jwt: string;
    readonly refreshToken: string;
  }[];
  /** Of an API token. */
  readonly readOnlyKey: string;
  /** The turn that was running when the process was killed. */
  readonly pending: {
    readonly username: string;
    readonly turn_id: string;
    readonly session_id: string;
  };
  /** The day it was filled, in UTC. */
  readonly day: string;
  /** What users of the release saw, by username. */
  readonly observed: Readonly<Record<string, Observed>>;
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Of the question "Sent once". */
export const idempotencyKey = 'sent-before-the-upgrade';

/** Of the installations in the fixtures: with them their logins, tokens and keys go on being good. */
export const secrets = {
  APP_KEYS: 'keys-of-the-upgrade-fixtures',
  ADMIN_JWT_SECRET: 'admin-secret-of-the-upgrade-fixtures',
  API_TOKEN_SALT: 'api-token-salt-of-the-upgrade-fixtures',
  TRANSFER_TOKEN_SALT: 'transfer-salt-of-the-upgrade-fixtures',
  ENCRYPTION_KEY: 'encryption-key-of-the-upgrade-fixtures',
  JWT_SECRET: 'jwt-secret-of-the-upgrade-fixtures',
};
