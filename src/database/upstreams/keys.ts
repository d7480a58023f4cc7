import type { Core } from '@strapi/strapi';

import type { UpstreamKeys } from '../../chat';
import { unneededTable } from '../sessions/unneeded-conversations';
import { createTable } from '../sql/schema-changes';
import { trialTable } from '../trials/tables';

type Database = Core.Strapi['db'];

/** The encrypted keys of apps. The table is no content type, so Strapi does not export it. */
const tableName = 'chat_upstream_keys';

/** Creates the table. The server calls this before users can ask anything. */
export async function createUpstreamKeysTable(db: Database): Promise<void> {
  await createTable(db, tableName, (table) => {
    table.string('upstream', 255).primary();
    table.text('sealed_key').notNullable();
  });
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
    async findPublished({ kind, characterId, appId }) {
      const row = (await db
        .connection('ai_characters')
        .where({ document_id: characterId, upstream: kind, upstream_app_id: appId })
        .whereNotNull('published_at')
        .first('upstream_key')) as { readonly upstream_key: string | null } | undefined;
      return row?.upstream_key ?? null;
    },
  };
}

interface KeyRow {
  readonly upstream: string;
  readonly sealed_key: string;
}

/**
 * Deletes the keys that nothing needs any more: no character has the key, in its draft or published, and no session,
 * message, thread of trials or queued deletion names its upstream. @returns how many.
 */
export async function pruneUpstreamKeys(db: Database): Promise<number> {
  const { connection } = db;
  const removed = (await connection(tableName)
    .whereNotExists(
      connection('ai_characters')
        .where('upstream_key', connection.ref(`${tableName}.sealed_key`))
        .select('id'),
    )
    .select('upstream', 'sealed_key')) as KeyRow[];
  let pruned = 0;
  for (const row of removed) {
    if (await isNamed(db, row.upstream)) continue;
    // A character can have saved another key in the meantime.
    pruned += await connection(tableName)
      .where({ ...row })
      .delete();
  }
  return pruned;
}

async function isNamed({ connection, dialect }: Database, upstream: string): Promise<boolean> {
  const named = [
    connection(unneededTable).where({ upstream }),
    connection('chat_sessions').where({ upstream }),
    connection('chat_sessions').whereRaw(hasThreadIn(dialect.client), [upstream]),
    connection('chat_conversations').where({ upstream }),
    connection(trialTable).where({ upstream }).whereNotNull('thread'),
  ];
  for (const rows of named) if ((await rows.first('id')) !== undefined) return true;
  return false;
}

/** Returns SQL for the sessions that have a conversation in an upstream which does not answer now. */
const hasThreadIn = (client: string): string =>
  client === 'postgres'
    ? 'jsonb_exists(other_threads, ?)'
    : 'exists (select 1 from json_each(other_threads) where json_each.key = ?)';
