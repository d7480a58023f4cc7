import { chatErrors } from '../../chat/errors';
import type { Usage } from '../../chat/model/outcome';
import type { FinishedTurn } from '../model/source';
import { toNanos } from './price';
import type { HistoryError, HistoryRecord, HistoryUsage } from '../model/record';

/** The largest signed integer that every database accepts. */
const maxTokens = 2_147_483_647;

/**
 * Converts a turn into a record. An answer that the user got counts as a success, even if the user stopped it. A
 * stopped answer has the `finish_reason` `cancelled`, OpenAI's word for a run that its user ended. A reader who
 * expects only `stop` then sees that the text is incomplete. An answer that failed or broke off is an error, with its
 * text so far.
 * @param defaultModel the name of a model that is unknown.
 */
export function toRecord(turn: FinishedTurn, defaultModel: string): HistoryRecord {
  const usage = toUsage(turn.usage);
  const error = toError(turn);
  return {
    recordId: turn.turnId,
    conversationId: turn.sessionId,
    userDocumentId: turn.userDocumentId,
    formerUserId: null,
    characterId: turn.characterId,
    tokenId: null,
    channelId: null,
    model: turn.model ?? defaultModel,
    messages: [{ role: 'user', content: turn.query }],
    response: error === null ? toCompletion(turn, usage) : null,
    usage,
    latencyMs: toLatencyMs(turn),
    firstTokenMs: turn.firstTokenMs,
    error,
    createdAt: turn.createdAt,
  };
}

function toCompletion({ answer, outcome }: FinishedTurn, usage: HistoryUsage) {
  return {
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content: answer },
        finish_reason: outcome === 'stopped' ? 'cancelled' : 'stop',
      },
    ],
    usage: {
      prompt_tokens: usage.promptTokens,
      completion_tokens: usage.completionTokens,
      total_tokens: usage.totalTokens,
    },
  };
}

function toError({ outcome, errorCode, answer }: FinishedTurn): HistoryError | null {
  if (outcome === 'completed' || outcome === 'stopped') return null;
  const code = errorCode ?? 'internal';
  return {
    code,
    message: chatErrors[code].sentence,
    phase: answer === '' ? 'before-answer' : 'during-answer',
    partialText: answer,
  };
}

/** Returns null if the process died: the time until another process detects this says nothing about the answer. */
function toLatencyMs({ errorCode, createdAt, endedAt }: FinishedTurn): number | null {
  const ms = endedAt.getTime() - createdAt.getTime();
  return errorCode === 'process-died' || ms < 0 ? null : Math.min(ms, maxTokens);
}

/** Reads the usage that Dify sends, without trusting it. A value that is not a count becomes 0. */
function toUsage(usage: Usage | null): HistoryUsage {
  const promptTokens = toCount(usage?.['prompt_tokens']) ?? 0;
  const completionTokens = toCount(usage?.['completion_tokens']) ?? 0;
  const price = toNanos(String(usage?.['total_price'] ?? ''));
  return {
    promptTokens,
    completionTokens,
    totalTokens: toCount(usage?.['total_tokens']) ?? Math.min(promptTokens + completionTokens, maxTokens),
    priceNanos: price ?? 0,
    currency: price === null ? '' : toCurrency(usage?.['currency']),
  };
}

function toCount(value: unknown): number | null {
  const count = typeof value === 'string' && /^\d{1,10}$/u.test(value) ? Number(value) : value;
  return Number.isInteger(count) && Number(count) >= 0 && Number(count) <= maxTokens ? Number(count) : null;
}

function toCurrency(value: unknown): string {
  return typeof value === 'string' && /^[a-z]{3}$/iu.test(value) ? value.toUpperCase() : '';
}
