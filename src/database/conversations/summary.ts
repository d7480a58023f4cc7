import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import { characterOf } from '../characters/links';
import { isMainRow } from '../characters/locales';
import { said } from '../messages/search';
import { isCutShort, isRated } from './indexes';

/** A session of any user, as the panel lists it. */
export interface ConversationSummary {
  readonly rowId: number;
  readonly sessionId: string;
  readonly title: string;
  readonly messageCount: number;
  readonly createdAt: Date;
  readonly lastMessageAt: Date;
  readonly user: { readonly id: number; readonly documentId: string; readonly username: string } | null;
  /** Its name is null if it is deleted. */
  readonly character: { readonly documentId: string; readonly name: string | null } | null;
  /** How many answers ended early, and how many messages are rated. */
  readonly marks: Readonly<Record<Mark, number>>;
}

const marks = ['stopped', 'interrupted', 'failed', 'like', 'dislike'] as const;

export type Mark = (typeof marks)[number];

interface SummaryRow extends Readonly<Record<`n_${Mark}`, number | string>> {
  readonly id: number;
  readonly session_id: string;
  readonly title: string | null;
  readonly message_count: number | null;
  readonly created_at: Date | number | string;
  readonly last_message_at: Date | number | string | null;
  readonly user_id: number | null;
  readonly user_document_id: string | null;
  readonly username: string | null;
  readonly character_id: string | null;
  readonly character_name: string | null;
}

export interface HitRow extends SummaryRow {
  readonly hit_id: number;
  readonly hit_text: string | null;
}

/** Selects sessions `s`, each with its user, its character and its marks. Add a condition that finds few sessions. */
export function selectSummaries(db: Core.Strapi['db']): Knex.QueryBuilder<SummaryRow, SummaryRow[]> {
  const character = characterOf('s');
  const named = `select max(name) from ai_characters as c where document_id = ${character} and ${isMainRow('c')}`;
  return db.connection
    .from({ s: 'chat_sessions' })
    .leftJoin({ u: 'up_users' }, 'u.id', 's.user_id')
    .where('s.is_deleted', false)
    .select('s.id', 's.session_id', 's.title', 's.message_count', 's.created_at', 's.last_message_at')
    .select({ user_id: 'u.id', user_document_id: 'u.document_id', username: 'u.username' })
    .select(
      db.connection.raw(`${character} as character_id`),
      // Users see the published name. A character without one has only a draft.
      db.connection.raw(`coalesce((${named} and published_at is not null), (${named})) as character_name`),
      ...marks.map((mark) => db.connection.raw(`(${countOf(mark)}) as n_${mark}`)),
    ) as unknown as Knex.QueryBuilder<SummaryRow, SummaryRow[]>;
}

/** Selects the same for the sessions of these messages, with the text of the message. */
export function selectHits(
  db: Core.Strapi['db'],
  messageIds: readonly number[],
): Knex.QueryBuilder<HitRow, HitRow[]> {
  return selectSummaries(db)
    .join({ m: 'chat_conversations' }, 'm.session_id', 's.id')
    .whereIn('m.id', [...messageIds])
    .where('m.is_deleted', false)
    .select('m.id as hit_id', db.connection.raw(`${said} as hit_text`))
    .orderBy('m.id', 'desc') as unknown as Knex.QueryBuilder<HitRow, HitRow[]>;
}

function countOf(mark: Mark): string {
  const isMarked =
    mark === 'like' || mark === 'dislike'
      ? `${isRated} and feedback = '${mark}'`
      : `${isCutShort} and outcome = '${mark}'`;
  return `select count(*) from chat_conversations as t
    where ${isMarked} and t.session_id = s.id and t.is_deleted = false`;
}

export function toSummary(row: SummaryRow): ConversationSummary {
  return {
    rowId: row.id,
    sessionId: row.session_id,
    title: row.title ?? '',
    messageCount: row.message_count ?? 0,
    createdAt: new Date(row.created_at),
    lastMessageAt: new Date(row.last_message_at ?? row.created_at),
    user:
      row.user_id === null
        ? null
        : { id: row.user_id, documentId: row.user_document_id ?? '', username: row.username ?? '' },
    character: row.character_id === null ? null : { documentId: row.character_id, name: row.character_name },
    marks: {
      stopped: Number(row.n_stopped),
      interrupted: Number(row.n_interrupted),
      failed: Number(row.n_failed),
      like: Number(row.n_like),
      dislike: Number(row.n_dislike),
    },
  };
}
