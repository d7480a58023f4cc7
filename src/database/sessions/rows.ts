import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { SessionEntry } from '../../chat';
import { characterOf } from '../characters/links';

/** A session as the database returns it. SQLite returns dates as integers. */
export interface SessionRow {
  readonly id: number;
  readonly session_id: string;
  readonly title: string | null;
  readonly message_count: number | null;
  readonly conversation_id: string | null;
  readonly upstream: string | null;
  readonly character_id: string | null;
  readonly live_turn_id: string | null;
  readonly last_message_at: Date | number | string | null;
  readonly created_at: Date | number | string;
  readonly updated_at: Date | number | string;
}

export function selectSessions(db: Core.Strapi['db']): Knex.QueryBuilder {
  return db
    .connection('chat_sessions')
    .select('*', db.connection.raw(`${characterOf('chat_sessions')} as character_id`)) as Knex.QueryBuilder;
}

export function toSessionEntry(row: SessionRow): SessionEntry {
  return {
    rowId: row.id,
    sessionId: row.session_id,
    title: row.title ?? '',
    messageCount: row.message_count ?? 0,
    conversationId: row.conversation_id,
    upstreamId: row.upstream,
    characterId: row.character_id,
    liveTurnId: row.live_turn_id,
    lastMessageAt: new Date(row.last_message_at ?? row.created_at),
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
}
