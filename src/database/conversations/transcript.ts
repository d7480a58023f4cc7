import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { After, Message, TurnOutcome, Usage } from '../../chat';
import { parseJsonColumn } from '../sql/json-column';
import { messagesAlone, isSuperseded } from '../messages/rows';
import { said } from '../messages/search';

/** One line of a session, as an administrator reads it. */
export interface TranscriptLine {
  readonly id: number;
  readonly messageId: string;
  readonly role: Message['role'];
  readonly turnId: string | null;
  readonly text: string;
  readonly outcome: TurnOutcome | null;
  readonly errorCode: string | null;
  /** What the upstream said about the error. Users do not see it. */
  readonly errorDetail: string | null;
  /** Files of a question or of an answer, as the row stores them. */
  readonly files: readonly Readonly<Record<string, unknown>>[];
  readonly usage: Usage | null;
  readonly model: string | null;
  readonly rating: Message['feedback'];
  readonly isSuperseded: boolean;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

interface LineRow {
  readonly id: number;
  readonly message_id: string;
  readonly role: Message['role'];
  readonly turn_id: string | null;
  readonly text: string | null;
  readonly outcome: TurnOutcome | null;
  readonly error_code: string | null;
  readonly error_detail: string | null;
  readonly files: unknown;
  readonly usage: unknown;
  readonly model: string | null;
  readonly feedback: Message['feedback'];
  readonly superseded: boolean | number;
  readonly created_at: Date | number | string;
  readonly ended_at: Date | number | string | null;
}

const columns = [
  'id',
  'message_id',
  'role',
  'turn_id',
  'outcome',
  'error_code',
  'error_detail',
  'files',
  'usage',
  'model',
  'feedback',
  'created_at',
  'ended_at',
] as const;

/** Selects the undeleted lines of a session after a line, oldest first. */
export function selectLines(
  db: Core.Strapi['db'],
  sessionRowId: number,
  { id, limit }: After,
): Knex.QueryBuilder<LineRow, LineRow[]> {
  return messagesAlone(db)
    .where({ 'm.session_id': sessionRowId, 'm.is_deleted': false })
    .where('m.id', '>', id)
    .orderBy('m.id')
    .limit(limit)
    .select(
      ...columns.map((column) => `m.${column}`),
      db.connection.raw(`${said} as text, ${isSuperseded} as superseded`),
    ) as Knex.QueryBuilder<LineRow, LineRow[]>;
}

export function toLine(row: LineRow): TranscriptLine {
  return {
    id: row.id,
    messageId: row.message_id,
    role: row.role,
    turnId: row.turn_id,
    text: row.text ?? '',
    outcome: row.outcome,
    errorCode: row.error_code,
    errorDetail: row.error_detail,
    files: (parseJsonColumn(row.files) ?? []) as TranscriptLine['files'],
    usage: parseJsonColumn(row.usage) as Usage | null,
    model: row.model,
    rating: row.feedback,
    isSuperseded: Boolean(row.superseded),
    createdAt: new Date(row.created_at),
    endedAt: row.ended_at === null ? null : new Date(row.ended_at),
  };
}
