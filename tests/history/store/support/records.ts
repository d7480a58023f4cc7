import type { Bucket, ConversationSummary, HistoryRecord, Scope } from '../../../../src/history';
import { binOf } from '../../../../src/history/model/first-token';
import type { Usage, UsageGroup, UsageQuery } from '../../../../src/history/model/usage';
import type { Random } from '../../../faults/support/random';

export const dayMs = 86_400_000;
const quarterMs = 900_000;

/** Noon, so that records some hours before or after have the same day. */
export const someNoon = Date.UTC(2025, 0, 15, 12);

export function record(overrides: Partial<HistoryRecord> = {}): HistoryRecord {
  return {
    recordId: 'turn-1',
    conversationId: 'session-1',
    userDocumentId: 'user1',
    formerUserId: null,
    characterId: 'character-1',
    tokenId: null,
    channelId: 7,
    model: 'gpt-4',
    messages: [{ role: 'user', content: 'Hello' }],
    response: {
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    },
    usage: { promptTokens: 1, completionTokens: 2, totalTokens: 3, priceNanos: 1_500, currency: 'USD' },
    latencyMs: 420,
    firstTokenMs: 130,
    error: null,
    createdAt: new Date(someNoon),
    ...overrides,
  };
}

export const failed = (overrides: Partial<HistoryRecord> = {}): HistoryRecord =>
  record({
    response: null,
    error: { code: 'upstream-timeout', message: 'Too late', phase: 'during-answer', partialText: 'Hal' },
    ...overrides,
  });

export const users = ['user1', 'user2', 'user3', 'user4', 'user5'] as const;

/** Makes records of several users over `days` days, in random order. */
export function randomRecords(random: Random, count: number, days: number): HistoryRecord[] {
  return Array.from({ length: count }, (_, index) => {
    const userDocumentId = random.pick(users);
    const tokens = random.between(0, 500);
    const make = random.chance(0.2) ? failed : record;
    return make({
      recordId: `turn-${index}`,
      userDocumentId,
      conversationId: `session-${userDocumentId.slice(-1)}-${random.between(1, 6)}`,
      characterId: random.pick([null, 'character-1', 'Character-1', 'character-1 ']),
      model: random.pick(['gpt-4', 'GPT-4', '模型']),
      firstTokenMs: random.pick([null, random.between(0, 30), random.between(0, 5_000_000)]),
      messages: [{ role: 'user', content: `Question  ${index}` }],
      usage: {
        promptTokens: tokens,
        completionTokens: 2 * tokens,
        totalTokens: 3 * tokens,
        priceNanos: tokens * 1_000_003,
        currency: random.pick(['USD', '', 'RMB']),
      },
      // Whole seconds, so that some records have the same time.
      createdAt: new Date(
        someNoon - Math.floor(random.next() * days) * dayMs + random.between(-40_000, 40_000) * 1_000,
      ),
    });
  });
}

const compareText = (one: string, other: string) => Buffer.compare(Buffer.from(one), Buffer.from(other));

/** Returns the records, newest first. */
export function inOrder(records: readonly HistoryRecord[]): HistoryRecord[] {
  return [...records].sort(
    (one, other) =>
      other.createdAt.getTime() - one.createdAt.getTime() || compareText(other.recordId, one.recordId),
  );
}

const isOf = (scope: Scope) => (one: { readonly userDocumentId: string | null }) =>
  scope === 'everybody' || one.userDocumentId === scope.userDocumentId;

/** Computes the expected result of `listConversations` from the records. */
export function summariesOf(records: readonly HistoryRecord[], scope: Scope): ConversationSummary[] {
  const ids = new Set(records.filter(isOf(scope)).map(({ conversationId }) => conversationId));
  const summaries = [...ids].map((conversationId) => {
    const own = inOrder(records.filter((one) => one.conversationId === conversationId));
    const last = own[0];
    const first = own.at(-1);
    if (last === undefined || first === undefined)
      throw new Error('Every conversation has at least one record.');
    const [question] = first.messages as [{ content: string }];
    return {
      conversationId,
      userDocumentId: first.userDocumentId ?? '',
      characterId: last.characterId,
      title: question.content.replaceAll(/\s+/gu, ' '),
      model: last.model,
      records: own.length,
      errors: own.filter(({ error }) => error !== null).length,
      totalTokens: own.reduce((sum, { usage }) => sum + usage.totalTokens, 0),
      firstAt: first.createdAt,
      lastAt: last.createdAt,
    };
  });
  return summaries.sort(
    (one, other) =>
      other.lastAt.getTime() - one.lastAt.getTime() || compareText(other.conversationId, one.conversationId),
  );
}

/** Computes the expected result of `listBuckets` for all time from the records. */
export function bucketsOf(records: readonly HistoryRecord[], scope: Scope): Bucket[] {
  const buckets = new Map<string, Bucket>();
  for (const { createdAt, model, characterId, usage, error } of records.filter(isOf(scope))) {
    const startMs = Math.floor(createdAt.getTime() / quarterMs) * quarterMs;
    const key = JSON.stringify([startMs, model, characterId, usage.currency]);
    const before = buckets.get(key);
    buckets.set(key, {
      startMs,
      model,
      characterId,
      currency: usage.currency,
      records: (before?.records ?? 0) + 1,
      errors: (before?.errors ?? 0) + (error === null ? 0 : 1),
      promptTokens: (before?.promptTokens ?? 0) + usage.promptTokens,
      completionTokens: (before?.completionTokens ?? 0) + usage.completionTokens,
      totalTokens: (before?.totalTokens ?? 0) + usage.totalTokens,
      priceNanos: (before?.priceNanos ?? 0) + usage.priceNanos,
    });
  }
  return [...buckets.values()].sort(
    (one, other) =>
      one.startMs - other.startMs ||
      compareText(one.model, other.model) ||
      compareText(one.characterId ?? '', other.characterId ?? '') ||
      compareText(one.currency, other.currency),
  );
}

const usageKeys = {
  day: ({ createdAt }: HistoryRecord, timeZone: string) =>
    createdAt.toLocaleDateString('sv-SE', { timeZone }),
  character: ({ characterId }: HistoryRecord) => characterId ?? '',
  model: ({ model }: HistoryRecord) => model,
};

/** Computes the expected result of `readUsage` from the records. The groups are sorted by name. */
export function usageOf(
  all: readonly HistoryRecord[],
  query: UsageQuery,
  timeZone = 'UTC',
): Omit<Usage, 'days'> {
  const records = all.filter((one) => {
    const day = usageKeys.day(one, timeZone);
    const isOf = (value: string, wanted: string | null) => wanted === null || value === wanted;
    return (
      day >= query.from &&
      day <= query.to &&
      isOf(usageKeys.character(one), query.characterId) &&
      isOf(one.model, query.model)
    );
  });
  const keyOf = (one: HistoryRecord) => usageKeys[query.by](one, timeZone);
  const names = [...new Set(records.map(keyOf))].sort(compareText);
  return {
    users: countUsers(records),
    groups: names.map((name) =>
      groupOf(
        name,
        records.filter((one) => keyOf(one) === name),
      ),
    ),
  };
}

const countUsers = (records: readonly HistoryRecord[]) =>
  new Set(records.flatMap(({ userDocumentId }) => userDocumentId ?? [])).size;

function groupOf(name: string, records: readonly HistoryRecord[]): UsageGroup {
  const sum = (pick: (one: HistoryRecord) => number) => records.reduce((total, one) => total + pick(one), 0);
  const [prices, firstTokens] = [new Map<string, number>(), new Map<number, number>()];
  for (const { usage, firstTokenMs } of records) {
    prices.set(usage.currency, (prices.get(usage.currency) ?? 0) + usage.priceNanos);
    if (firstTokenMs === null) continue;
    const bin = binOf(firstTokenMs);
    firstTokens.set(bin, (firstTokens.get(bin) ?? 0) + 1);
  }
  return {
    name,
    records: records.length,
    errors: sum(({ error }) => (error === null ? 0 : 1)),
    promptTokens: sum(({ usage }) => usage.promptTokens),
    completionTokens: sum(({ usage }) => usage.completionTokens),
    totalTokens: sum(({ usage }) => usage.totalTokens),
    users: countUsers(records),
    prices: [...prices].sort(([one], [other]) => compareText(one, other)),
    firstTokens: [...firstTokens].sort(([one], [other]) => one - other),
  };
}

/** Sorts what the store returns in no order. */
export function sortedUsage({ groups, users: count }: Usage): Omit<Usage, 'days'> {
  const sorted = groups.map((group) => ({
    ...group,
    prices: [...group.prices].sort(([one], [other]) => compareText(one, other)),
    firstTokens: [...group.firstTokens].sort(([one], [other]) => one - other),
  }));
  return { users: count, groups: sorted.sort((one, other) => compareText(one.name, other.name)) };
}
