import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { AnswerFile, Message, QuestionFile, Usage } from '../../chat';
import { characterOf } from '../characters/links';
import { parseJsonColumn } from '../sql/json-column';

/** A message as the database returns it. Both return JSON as text. SQLite returns dates as integers. */
export interface MessageRow {
  readonly id: number;
  readonly document_id: string;
  readonly message_id: string;
  readonly role: Message['role'];
  readonly query: string;
  readonly answer: string | null;
  readonly conversation_id: string | null;
  readonly session_id: string | null;
  readonly turn_id: string | null;
  readonly character_id: string | null;
  readonly message_status: Message['status'] | null;
  readonly outcome: Message['outcome'];
  readonly error_code: string | null;
  readonly tool_calls: unknown;
  readonly files: unknown;
  readonly usage: unknown;
  readonly feedback: Message['feedback'];
  readonly parent_message_id: string | null;
  /** Null for messages from before this column existed. */
  readonly is_superseded: boolean | number | null;
  readonly upstream: string | null;
  readonly thread_restarted: boolean | number | null;
  /** Null for messages from before this column existed. */
  readonly taken_back: boolean | number | null;
  readonly last_event_id: number | null;
  readonly created_at: Date | number | string;
  readonly updated_at: Date | number | string;
}

// Table names need no schema, because Strapi sets the search path of every connection.
// knex's `withSchema` does not support aliases.

/**
 * SQL for the answer that a message shows. `m` is the message and `s` its session.
 * `a` is the undeleted answer of its turn, for a question only.
 */
export const shownAnswer = `case when m.role = 'user' then a.answer else m.answer end`;

/** SQL for "the message is superseded". Rows from before this column existed have null. */
export const isSuperseded = 'coalesce(m.is_superseded, false)';

/** The message's own columns. Its session, its character and a question's answer are selected separately. */
export const messageColumns = [
  'id',
  'document_id',
  'message_id',
  'role',
  'query',
  'answer',
  'conversation_id',
  'turn_id',
  'message_status',
  'outcome',
  'error_code',
  'tool_calls',
  'files',
  'usage',
  'feedback',
  'parent_message_id',
  'is_superseded',
  'upstream',
  'thread_restarted',
  'taken_back',
  'last_event_id',
  'created_at',
  'updated_at',
] as const;

/** Selects messages with their session id and answer in one statement. Each join uses an index. */
export function selectMessages(db: Core.Strapi['db']): Knex.QueryBuilder<MessageRow, MessageRow[]> {
  return fromMessages(db).select(
    ...messageColumns.filter((column) => column !== 'answer').map((column) => `m.${column}`),
    's.session_id',
    db.connection.raw(`${shownAnswer} as answer, ${characterOf('m')} as character_id`),
  ) as Knex.QueryBuilder<MessageRow, MessageRow[]>;
}

export function fromMessages(db: Core.Strapi['db']): Knex.QueryBuilder {
  return joinAnswers(joinSessions(messagesAlone(db)));
}

/** Returns messages with only those joins that the condition needs. An index alone then answers most counts. */
export function fromMessagesFor(db: Core.Strapi['db'], condition: string): Knex.QueryBuilder {
  const rows = messagesAlone(db);
  if (/\bs\./u.test(condition)) joinSessions(rows);
  if (/\ba\./u.test(condition)) joinAnswers(rows);
  return rows;
}

export function messagesAlone(db: Core.Strapi['db']): Knex.QueryBuilder {
  return db.connection.from({ m: 'chat_conversations' }) as Knex.QueryBuilder;
}

function joinSessions(messages: Knex.QueryBuilder): Knex.QueryBuilder {
  return messages.leftJoin({ s: 'chat_sessions' }, 's.id', 'm.session_id');
}

function joinAnswers(messages: Knex.QueryBuilder): Knex.QueryBuilder {
  return messages.leftJoin({ a: 'chat_conversations' }, (join) => {
    join.on('a.turn_id', 'm.turn_id').onVal('a.role', 'assistant').onVal('m.role', 'user');
    join.onVal('a.is_deleted', false);
  });
}

export function toMessage(row: MessageRow): Message {
  return {
    id: row.id,
    documentId: row.document_id,
    messageId: row.message_id,
    role: row.role,
    query: row.query,
    answer: row.answer,
    conversationId: row.conversation_id,
    sessionId: row.session_id,
    turnId: row.turn_id,
    characterId: row.character_id,
    status: row.message_status ?? 'sent',
    outcome: row.outcome,
    errorCode: row.error_code,
    toolCalls: parseJsonColumn(row.tool_calls),
    files: row.role === 'user' ? ((parseJsonColumn(row.files) ?? []) as QuestionFile[]) : [],
    answerFiles: row.role === 'assistant' ? ((parseJsonColumn(row.files) ?? []) as AnswerFile[]) : [],
    usage: parseJsonColumn(row.usage) as Usage | null,
    feedback: row.feedback,
    parentMessageId: row.parent_message_id,
    isSuperseded: Boolean(row.is_superseded),
    upstreamId: row.upstream,
    isThreadRestarted: Boolean(row.thread_restarted),
    isTakenBack: Boolean(row.taken_back),
    lastEventId: row.last_event_id,
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  };
}
