import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import {
  doubling,
  upstreamUserPrefix,
  type UnneededConversations,
  type UpstreamConversation,
} from '../../chat';
import { upstreamOf } from './threads';
import { partsOf } from '../sql/parts';
import { inTransaction } from '../sql/transaction';
import { addTextColumn, createTable } from '../sql/schema-changes';

type Database = Core.Strapi['db'];

/** Lists conversations that Dify must delete. The table is no content type, so Strapi does not change it. */
export const unneededTable = 'chat_unneeded_conversations';

const pauseMs = doubling(10_000, 3_600_000);

/** Creates the table. The server calls this before users can erase anything. */
export async function createUnneededTable(db: Database): Promise<void> {
  await createTable(db, unneededTable, (table) => {
    table.increments('id');
    table.string('conversation_id', 255).notNullable().unique();
    table.string('upstream_user', 255).notNullable();
    // Milliseconds since 1970.
    table.bigInteger('due').notNullable().index();
    table.integer('tries').notNullable();
  });
  // The table of an older release has no such column, because there was only one upstream.
  await addTextColumn(db, unneededTable, 'upstream');
}

/**
 * Queues conversations for deletion in Dify, except those that a session still has. So the caller first erases the
 * sessions. This counts only if the transaction is committed.
 */
export async function noteUnneeded(
  db: Database,
  trx: Knex.Transaction,
  conversations: readonly UpstreamConversation[],
): Promise<void> {
  const byId = new Map(conversations.map((conversation) => [conversation.conversationId, conversation]));
  // A row has five values.
  for (const part of partsOf([...byId.keys()], 5)) {
    const needed = await findNeeded(
      db,
      trx,
      part.flatMap((id) => byId.get(id) ?? []),
    );
    const rows = part
      .filter((conversationId) => !needed.has(conversationId))
      .map((conversationId) => ({
        conversation_id: conversationId,
        upstream_user: byId.get(conversationId)?.user,
        upstream: byId.get(conversationId)?.upstreamId ?? null,
        due: Date.now(),
        tries: 0,
      }));
    if (rows.length === 0) continue;
    await db.connection(unneededTable).transacting(trx).insert(rows).onConflict('conversation_id').ignore();
  }
}

async function findNeeded(
  db: Database,
  trx: Knex.Transaction,
  conversations: readonly UpstreamConversation[],
): Promise<ReadonlySet<string>> {
  const conversationIds = conversations.map(({ conversationId }) => conversationId);
  const users = [...new Set(conversations.map(({ user }) => user.slice(upstreamUserPrefix.length)))];
  const rows = (await db
    .connection('chat_sessions')
    .transacting(trx)
    .whereIn('conversation_id', conversationIds)
    .select('conversation_id')) as { conversation_id: string }[];
  const others = (await ofOtherThreads(db)
    .transacting(trx)
    .whereIn('m.conversation_id', conversationIds)
    .whereIn('u.document_id', users)
    .distinct('m.conversation_id')) as { conversation_id: string }[];
  return new Set([...rows, ...others].map((row) => row.conversation_id));
}

/**
 * Selects messages `m` of users `u` whose session continues in another conversation, but can return to theirs. Messages
 * have an index for the conversations of a user.
 */
function ofOtherThreads(db: Database): Knex.QueryBuilder {
  const threads = `cast(s.other_threads as ${db.dialect.client === 'postgres' ? 'text' : 'char'})`;
  return db.connection
    .from({ u: 'up_users' })
    .join({ m: 'chat_conversations' }, 'm.user_id', 'u.id')
    .join({ s: 'chat_sessions' }, 's.id', 'm.session_id')
    .whereRaw(`${threads} like '%"' || m.conversation_id || '"%'`) as Knex.QueryBuilder;
}

interface Row {
  readonly id: number;
  readonly conversation_id: string;
  readonly upstream_user: string;
  readonly upstream: string | null;
  readonly due: number | string;
  readonly tries: number;
}

export function createUnneededConversations(db: Database): UnneededConversations {
  const rows = () => db.connection(unneededTable);
  return {
    add: (conversation) => inTransaction(db, (trx) => noteUnneeded(db, trx, [conversation])),
    async claim(except = []) {
      for (;;) {
        const row = (await rows()
          .where('due', '<=', Date.now())
          // An erasure in batches can still have the session, and other code can have kept it.
          .whereNotExists(
            db
              .connection('chat_sessions')
              .where('conversation_id', db.connection.ref(`${unneededTable}.conversation_id`))
              .select('id'),
          )
          .whereNotExists(
            ofOtherThreads(db)
              .where('m.conversation_id', db.connection.ref(`${unneededTable}.conversation_id`))
              .whereRaw(
                `u.document_id = substr(${unneededTable}.upstream_user, ${upstreamUserPrefix.length + 1})`,
              )
              .select('m.id'),
          )
          .modify((due) => {
            if (except.length > 0)
              void due.whereRaw(`${upstreamOf()} not in (${except.map(() => '?').join(', ')})`, [...except]);
          })
          .orderBy('due')
          .first()) as Row | undefined;
        if (row === undefined) return null;
        const { id, due, tries } = row;
        // Another process may have claimed it in the meantime.
        const next = { due: Date.now() + pauseMs(tries + 1), tries: tries + 1 };
        if ((await rows().where({ id, due }).update(next)) === 0) continue;
        const { conversation_id: conversationId, upstream_user: user, upstream: upstreamId } = row;
        return { id, conversationId, user, upstreamId, tries };
      }
    },
    async settle(id) {
      await rows().where({ id }).delete();
    },
  };
}
