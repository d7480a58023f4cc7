import { chatErrors } from '../../chat/errors';
import type { Usage } from '../../chat/model/outcome';
import type { FinishedTurn } from '../model/source';
import { toNanos } from './price';
import type { HistoryError, HistoryRecord, HistoryUsage } from '../model/record';

/** What every database counts without a sign. */
const maxTokens = 2_147_483_647;

/**
 * A turn as the history keeps it. What the user got counts as a success, also where they stopped it: such an answer has
 * the `finish_reason` `cancelled`, the word OpenAI has for a run that its user ended. Who knows `stop` alone then sees
 * that the text is not whole. An answer that failed or broke off is an error, with its text so far.
 */
export function toRecord(turn: FinishedTurn, model: string): HistoryRecord {
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
    model,
    messages: [{ role: 'user', content: turn.query }],
    response: error === null ? toCompletion(turn, usage) : null,
    usage,
    latencyMs: toLatencyMs(turn),
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

/** When a process has died, the time until another found out says nothing about the answer. */
function toLatencyMs({ errorCode, createdAt, endedAt }: FinishedTurn): number | null {
  const ms = endedAt.getTime() - createdAt.getTime();
  return errorCode === 'process-died' || ms < 0 ? null : Math.min(ms, maxTokens);
}

/** Nothing of what Dify sends is taken on trust: what is no count counts as 0. */
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
