import { AsyncLocalStorage } from 'node:async_hooks';
import { randomBytes } from 'node:crypto';

import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { database } from './database';

const tables: Readonly<Record<string, string>> = {
  'api::chat-session.chat-session': 'chat_sessions',
  'api::chat-conversation.chat-conversation': 'chat_conversations',
};

/** Imitates the part of Strapi's database that the stores use. The connection acts like another process. */
export function toStrapiDatabase(connection: Knex): Core.Strapi['db'] {
  const running = new AsyncLocalStorage<Knex.Transaction>();
  const db = {
    connection,
    dialect: { client: database },
    inTransaction: () => running.getStore() !== undefined,
    transaction(run: Run) {
      const outer = running.getStore();
      return outer === undefined
        ? connection.transaction((trx) => running.run(trx, () => run({ trx })))
        : run({ trx: outer });
    },
    metadata: { get: (uid: string) => ({ tableName: tables[uid], attributes }) },
  };
  return db as unknown as Core.Strapi['db'];
}

type Run = (of: { readonly trx: Knex.Transaction }) => Promise<unknown>;

const attributes = {
  documentId: { columnName: 'document_id', default: () => randomBytes(12).toString('hex') },
  isDeleted: { columnName: 'is_deleted', default: false },
};
