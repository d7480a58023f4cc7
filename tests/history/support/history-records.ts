import type { HistoryRecord } from '../../../src/history/model/record';
import { ada, keeper } from '../../chat/support/fixtures';

/** Makes the history record of a finished turn. */
export function historyRecord(changes: Partial<HistoryRecord> = {}): HistoryRecord {
  return {
    recordId: 'turn-1',
    conversationId: 'session-1',
    userDocumentId: ada.documentId,
    formerUserId: null,
    characterId: keeper.documentId,
    tokenId: null,
    channelId: null,
    model: 'gpt-4o',
    messages: [{ role: 'user', content: 'How is the sea?' }],
    response: {
      choices: [{ index: 0, message: { role: 'assistant', content: 'Calm.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 12, completion_tokens: 3, total_tokens: 15 },
    },
    usage: { promptTokens: 12, completionTokens: 3, totalTokens: 15, priceNanos: 1_200_000, currency: 'USD' },
    latencyMs: 900,
    firstTokenMs: 150,
    error: null,
    createdAt: new Date('2026-01-02T03:04:05.678Z'),
    ...changes,
  };
}

export function failedRecord(changes: Partial<HistoryRecord> = {}): HistoryRecord {
  return historyRecord({
    response: null,
    usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0, priceNanos: 0, currency: '' },
    error: {
      code: 'upstream-timeout',
      message: 'The answering service took too long.',
      phase: 'before-answer',
      partialText: '',
    },
    ...changes,
  });
}
