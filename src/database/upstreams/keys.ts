import type { Core } from '@strapi/strapi';

import type { UpstreamKeys } from '../../chat';
import { unlessDone } from '../sql/unless-done';

type Database = Core.Strapi['db'];

/** The encrypted keys of apps. The table is no content type, so Strapi does not export it. */
const tableName = 'chat_upstream_keys';

/** Creates the table. The server calls this before users can ask anything. */
export async function createUpstreamKeysTable(db: Database): Promise<void> {
  const schema = () => db.getSchemaConnection();
  await unlessDone(
    () => schema().hasTable(tableName),
    () =>
      schema().createTable(tableName, (table) => {
        table.string('upstream', 255).primary();
        table.text('sealed_key').notNullable();
      }),
  );
}

export function createUpstreamKeys(db: Database): UpstreamKeys {
  return {
    async save(upstreamId, sealedKey) {
      await db
        .connection(tableName)
        .insert({ upstream: upstreamId, sealed_key: sealedKey })
        .onConflict('upstream')
        .merge();
    },
    async find(upstreamId) {
      const row = (await db.connection(tableName).where({ upstream: upstreamId }).first('sealed_key')) as
        { readonly sealed_key: string } | undefined;
      return row?.sealed_key ?? null;
    },
  };
}
