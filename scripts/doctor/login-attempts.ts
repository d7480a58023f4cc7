import type { LoginAttempts } from '../../src/chat';
import { createLoginAttempts, createLoginAttemptsTable } from '../../src/database/upstreams/login-attempts';
import { openMainDatabaseForWriting, type MainDatabase } from '../main-database';

/** The logins that the server and the doctor have tried. */
export interface OpenLoginAttempts extends LoginAttempts {
  close(): Promise<void>;
}

/** Opens the attempts in the database of the server. Creates their table if the server has not started yet. */
export function openLoginAttempts(database: MainDatabase, secret: string): OpenLoginAttempts {
  const connection = openMainDatabaseForWriting(database);
  const attempts = createLoginAttempts({ connection, dialect: database }, secret);
  const createTable = () => createLoginAttemptsTable({ getSchemaConnection: () => connection.schema });
  return {
    async claim(account) {
      await createTable();
      return attempts.claim(account);
    },
    async forget(account) {
      await createTable();
      await attempts.forget(account);
    },
    close: () => connection.destroy(),
  };
}
