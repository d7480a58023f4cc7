import type { HistoryRecord, HistoryUsage } from '../model/record';
import type { StoredRecord } from '../model/store';
import { toStorableJson, toStorableText } from '../../chat/shared/storable-text';
import type { Binding, Kind, Row } from './database';

export const recordsTable = 'conversation_histories';
export const errorsTable = 'error_conversation_histories';

const commonColumns = [
  'record_id',
  'conversation_id',
  'user_id',
  'user_document_id',
  'character_id',
  'token_id',
  'channel_id',
  'model',
  'messages',
  'response',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'price_nanos',
  'currency',
  'latency_ms',
  'first_token_ms',
  'created_at',
] as const;
const errorColumns = ['error_code', 'error_message', 'error_phase', 'partial_text'] as const;

export function columnsOf(table: 'records' | 'errors'): readonly string[] {
  return table === 'records' ? commonColumns : [...commonColumns, ...errorColumns];
}

/**
 * Returns the columns to select, in the same order for both tables. All three databases return JSON as text. Without
 * this, `pg` would parse it or not, depending on Strapi's configuration.
 */
export function selection(kind: Kind, table: 'records' | 'errors'): string {
  const common = commonColumns.map((column) =>
    kind === 'postgres' && (column === 'messages' || column === 'response')
      ? `${column}::text as ${column}`
      : column,
  );
  return [
    ...common,
    ...errorColumns.map((column) => (table === 'errors' ? column : `null as ${column}`)),
  ].join(', ');
}

/** Cuts a text that is normally short to the length of its column. */
function short(text: string, length: number): string {
  return toStorableText(text.slice(0, length));
}

export function toBindings(record: HistoryRecord): Binding[] {
  const { usage, error } = record;
  const common: Binding[] = [
    toStorableText(record.recordId),
    toStorableText(record.conversationId),
    record.formerUserId ?? 0,
    record.userDocumentId,
    record.characterId === null ? null : short(record.characterId, 255),
    record.tokenId,
    record.channelId,
    short(record.model, 255),
    JSON.stringify(toStorableJson(record.messages)),
    record.response === null || record.response === undefined
      ? null
      : JSON.stringify(toStorableJson(record.response)),
    usage.promptTokens,
    usage.completionTokens,
    usage.totalTokens,
    usage.priceNanos,
    short(usage.currency, 16),
    record.latencyMs === null ? null : Math.round(record.latencyMs),
    record.firstTokenMs,
    record.createdAt.getTime(),
  ];
  if (error === null) return common;
  return [
    ...common,
    short(error.code, 255),
    toStorableText(error.message),
    error.phase,
    toStorableText(error.partialText),
  ];
}

/** Returns the record as the store will read it, so that the sums use the same texts. */
export function toStored(record: HistoryRecord): HistoryRecord {
  return {
    ...record,
    recordId: toStorableText(record.recordId),
    conversationId: toStorableText(record.conversationId),
    characterId: record.characterId === null ? null : short(record.characterId, 255),
    model: short(record.model, 255),
    firstTokenMs: record.firstTokenMs === null ? null : Math.round(record.firstTokenMs),
    usage: { ...record.usage, currency: short(record.usage.currency, 16) },
  };
}

export function toRecord(row: Row): StoredRecord {
  const timeMs = numberOf(row['created_at']);
  const recordId = textOf(row['record_id']);
  return {
    recordId,
    conversationId: textOf(row['conversation_id']),
    userDocumentId: nullable(row['user_document_id'], textOf) || null,
    formerUserId: numberOf(row['user_id']) || null,
    characterId: nullable(row['character_id'], textOf),
    tokenId: nullable(row['token_id'], numberOf),
    channelId: nullable(row['channel_id'], numberOf),
    model: textOf(row['model']),
    messages: JSON.parse(textOf(row['messages'])) as readonly unknown[],
    response: nullable(row['response'], (json) => JSON.parse(textOf(json)) as unknown),
    usage: toUsage(row),
    latencyMs: nullable(row['latency_ms'], numberOf),
    firstTokenMs: nullable(row['first_token_ms'], numberOf),
    error: nullable(row['error_code'], (code) => ({
      code: textOf(code),
      message: textOf(row['error_message']),
      phase: row['error_phase'] === 'before-answer' ? 'before-answer' : 'during-answer',
      partialText: textOf(row['partial_text']),
    })),
    createdAt: new Date(timeMs),
    position: { timeMs, id: recordId },
  };
}

export function toUsage(row: Row): HistoryUsage {
  return {
    promptTokens: numberOf(row['prompt_tokens']),
    completionTokens: numberOf(row['completion_tokens']),
    totalTokens: numberOf(row['total_tokens']),
    priceNanos: numberOf(row['price_nanos']),
    currency: textOf(row['currency']),
  };
}

export function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new TypeError('A column that holds text has something else.');
}

/** Converts to a number. PostgreSQL returns bigints as text, and MySQL returns sums as text. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : Number(value);
}

export function nullable<T>(value: unknown, read: (value: unknown) => T): T | null {
  return value === null || value === undefined ? null : read(value);
}
