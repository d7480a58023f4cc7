import { z } from 'zod';

import type { HistoryRecord } from '../../src/history';

/** A record as a line of an archive: the columns of its table, with the time in ISO 8601. */

const count = z.number().int().min(0);

const line = z.strictObject({
  record_id: z.string().min(1).max(64),
  conversation_id: z.string().min(1).max(255),
  /** Null or missing in archives of older versions that only have the number of the user. */
  user_document_id: z.string().min(1).max(64).nullable().default(null),
  /** The number that an older version used for the user. */
  user_id: z.number().int().nullable().default(null),
  character_id: z.string().nullable(),
  token_id: z.number().int().nullable(),
  channel_id: z.number().int().nullable(),
  model: z.string(),
  messages: z.array(z.unknown()),
  response: z.unknown(),
  prompt_tokens: count,
  completion_tokens: count,
  total_tokens: count,
  price_nanos: count,
  currency: z.string(),
  latency_ms: z.number().int().nullable(),
  /** Missing in archives of older versions. */
  first_token_ms: count.nullable().default(null),
  error_code: z.string().optional(),
  error_message: z.string().optional(),
  error_phase: z.enum(['before-answer', 'during-answer']).optional(),
  partial_text: z.string().optional(),
  created_at: z.iso.datetime(),
});

export function toLine(record: HistoryRecord): string {
  const { usage, error } = record;
  const columns: z.input<typeof line> = {
    record_id: record.recordId,
    conversation_id: record.conversationId,
    user_document_id: record.userDocumentId,
    user_id: record.formerUserId,
    character_id: record.characterId,
    token_id: record.tokenId,
    channel_id: record.channelId,
    model: record.model,
    messages: [...record.messages],
    response: record.response ?? null,
    prompt_tokens: usage.promptTokens,
    completion_tokens: usage.completionTokens,
    total_tokens: usage.totalTokens,
    price_nanos: usage.priceNanos,
    currency: usage.currency,
    latency_ms: record.latencyMs,
    first_token_ms: record.firstTokenMs,
    ...(error !== null && {
      error_code: error.code,
      error_message: error.message,
      error_phase: error.phase,
      partial_text: error.partialText,
    }),
    created_at: record.createdAt.toISOString(),
  };
  return `${JSON.stringify(columns)}\n`;
}

/** @throws Error that names the problem of the line without quoting its content. */
export function fromLine(text: string): HistoryRecord {
  const result = line.safeParse(toJson(text));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Error(`${issue?.path.join('.') || 'it'} has a wrong value`);
  }
  const columns = result.data;
  const { error_code: code, error_phase: phase } = columns;
  if ((code === undefined) !== (phase === undefined)) throw new Error('it has only a part of an error');
  if (columns.user_document_id === null && columns.user_id === null) throw new Error('it has no user');
  return {
    recordId: columns.record_id,
    conversationId: columns.conversation_id,
    userDocumentId: columns.user_document_id,
    formerUserId: columns.user_id,
    characterId: columns.character_id,
    tokenId: columns.token_id,
    channelId: columns.channel_id,
    model: columns.model,
    messages: columns.messages,
    response: columns.response ?? null,
    usage: {
      promptTokens: columns.prompt_tokens,
      completionTokens: columns.completion_tokens,
      totalTokens: columns.total_tokens,
      priceNanos: columns.price_nanos,
      currency: columns.currency,
    },
    latencyMs: columns.latency_ms,
    firstTokenMs: columns.first_token_ms,
    error:
      code === undefined || phase === undefined
        ? null
        : { code, message: columns.error_message ?? '', phase, partialText: columns.partial_text ?? '' },
    createdAt: new Date(columns.created_at),
  };
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('it is not JSON');
  }
}
