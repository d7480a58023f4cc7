import type { HistoryMaintenance } from '../../../src/history/model/maintenance';
import { addDays, countDays } from '../../../src/history/calendar';
import { usageOf } from '../store/support/records';
import { namingInMemory } from './naming-in-memory';
import type {
  Bucket,
  ConversationSummary,
  Erasure,
  HistoryPage,
  HistoryStore,
  Position,
  Scope,
  StoredRecord,
} from '../../../src/history/model/store';
import type { HistoryNaming } from '../../../src/history/naming/history-naming';
import type { HistoryRecord } from '../../../src/history/model/record';

/** A history store in memory. It records what it was asked to do. */
export interface InMemoryHistoryStore extends HistoryStore, HistoryMaintenance, HistoryNaming {
  readonly records: readonly HistoryRecord[];
  readonly prepared: readonly { readonly from: Date; readonly days: number }[];
  isClosed(): boolean;
}

const quarterMs = 900_000;

export function createHistoryStoreInMemory(initial: readonly HistoryRecord[] = []): InMemoryHistoryStore {
  let records: HistoryRecord[] = [...initial];
  let isClosed = false;
  const erasures: Erasure[] = [];
  const prepared: { from: Date; days: number }[] = [];

  return {
    get records() {
      return records;
    },
    prepared,
    isClosed: () => isClosed,
    dayOf: async (time) => time.toISOString().slice(0, 10),
    async save(added) {
      add(added.filter((record) => !erasures.some((erasure) => isErased(record, erasure))));
    },
    async listRecords(scope, conversationId, page) {
      return cut(
        newestFirst(within(scope).filter((record) => record.conversationId === conversationId)),
        page,
      );
    },
    async listConversations(scope, page) {
      const all = [...groupBy(within(scope), keyOf).values()].map(summarize);
      const sorted = all
        .map((summary) => ({
          ...summary,
          position: { timeMs: summary.lastAt.getTime(), id: summary.conversationId },
        }))
        .sort((one, other) => compare(other.position, one.position));
      return cut(sorted, page);
    },
    async listBuckets(scope, from, to) {
      const all = scope === 'everybody' ? records : within(scope);
      const inRange = all.filter(({ createdAt }) => createdAt >= from && createdAt < to);
      return toBuckets(inRange);
    },
    async readUsage(query) {
      const dates = Array.from({ length: countDays(query.from, query.to) }, (_, index) =>
        addDays(query.from, index),
      );
      const days = dates.map((date) => ({
        date,
        startMs: Date.parse(date),
        endMs: Date.parse(addDays(date, 1)),
      }));
      return { ...usageOf(records, query), days };
    },
    async countConversations(scope) {
      return new Set(within(scope).map(keyOf)).size;
    },
    async erase(erasure) {
      erasures.push(erasure);
      return keep((record) => !isErased(record, erasure));
    },
    async prune(beforeDay) {
      return keep(({ createdAt }) => dayOf(createdAt) >= beforeDay);
    },
    async preparePartitions(from, days) {
      prepared.push({ from, days });
    },
    async close() {
      isClosed = true;
    },
    async listSizes() {
      return [{ table: 'conversation_histories', rows: records.length, bytes: 1_000 * records.length }];
    },
    async listPartitions() {
      return [...groupBy(records, ({ createdAt }) => dayOf(createdAt))]
        .map(([day, { length }]) => ({ day, rows: length, bytes: 1_000 * length }))
        .sort((one, other) => one.day.localeCompare(other.day));
    },
    async readBefore(beforeDay, after, limit) {
      return newestFirst(records.filter(({ createdAt }) => dayOf(createdAt) < beforeDay))
        .reverse()
        .filter(({ position }) => after === null || compare(position, after) > 0)
        .slice(0, limit);
    },
    async restore(restored) {
      return add(restored.filter((record) => !erasures.some((erasure) => isErased(record, erasure))));
    },
    async remove(positions) {
      const gone = new Set(positions.map(({ timeMs, id }) => `${timeMs} ${id}`));
      return keep(({ createdAt, recordId }) => !gone.has(`${createdAt.getTime()} ${recordId}`));
    },
    async dropEmptyPartitions() {},
    async migrated() {},
    identity: async () => 'in-memory',
    ...namingInMemory(
      () => records,
      (changed) => (records = [...changed]),
    ),
  };

  function add(added: readonly HistoryRecord[]): number {
    const known = new Set(records.map(({ recordId }) => recordId));
    const unknown = added.filter(({ recordId }) => !known.has(recordId));
    records = [...records, ...unknown];
    return unknown.length;
  }

  function keep(isKept: (record: HistoryRecord) => boolean): number {
    const before = records.length;
    records = records.filter(isKept);
    return before - records.length;
  }

  function within(scope: Scope): HistoryRecord[] {
    return records.filter(({ userDocumentId }) =>
      scope === 'everybody' ? userDocumentId !== null : userDocumentId === scope.userDocumentId,
    );
  }
}

function toBuckets(records: readonly HistoryRecord[]): Bucket[] {
  const startOf = ({ createdAt }: HistoryRecord) => Math.floor(createdAt.getTime() / quarterMs) * quarterMs;
  const groups = groupBy(records, (record) =>
    JSON.stringify([startOf(record), record.model, record.characterId, record.usage.currency]),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const sum = (pick: (record: HistoryRecord) => number) =>
      group.reduce((total, record) => total + pick(record), 0);
    return {
      startMs: startOf(first),
      model: first.model,
      characterId: first.characterId,
      currency: first.usage.currency,
      records: group.length,
      errors: sum(({ error }) => (error === null ? 0 : 1)),
      promptTokens: sum(({ usage }) => usage.promptTokens),
      completionTokens: sum(({ usage }) => usage.completionTokens),
      totalTokens: sum(({ usage }) => usage.totalTokens),
      priceNanos: sum(({ usage }) => usage.priceNanos),
    };
  });
}

function summarize(group: readonly HistoryRecord[]): ConversationSummary {
  const sorted = newestFirst(group);
  const [latest, earliest] = [sorted[0], sorted.at(-1)];
  if (latest === undefined || earliest === undefined)
    throw new Error('Every conversation has at least one record.');
  const [question] = earliest.messages as { content?: string }[];
  return {
    conversationId: latest.conversationId,
    userDocumentId: latest.userDocumentId ?? '',
    characterId: latest.characterId,
    title: String(question?.content ?? '').slice(0, 120),
    model: latest.model,
    records: sorted.length,
    errors: sorted.filter(({ error }) => error !== null).length,
    totalTokens: sorted.reduce((total, { usage }) => total + usage.totalTokens, 0),
    firstAt: earliest.createdAt,
    lastAt: latest.createdAt,
  };
}

function newestFirst(records: readonly HistoryRecord[]): StoredRecord[] {
  return records
    .map((record) => ({
      ...record,
      position: { timeMs: record.createdAt.getTime(), id: record.recordId },
    }))
    .sort((one, other) => compare(other.position, one.position));
}

function cut<T extends { readonly position: Position }>(all: readonly T[], page: HistoryPage): T[] {
  const { limit, offset, after } = page;
  const rest = after === null ? all : all.filter(({ position }) => compare(position, after) < 0);
  return rest.slice(offset, offset + limit);
}

function compare(one: Position, other: Position): number {
  return one.timeMs - other.timeMs || (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
}

function isErased(
  { userDocumentId, formerUserId, conversationId, createdAt }: HistoryRecord,
  erasure: Erasure,
): boolean {
  const { before } = erasure;
  const isOfIt = erasure.conversationId === null || erasure.conversationId === conversationId;
  const isTheirs =
    'userDocumentId' in erasure
      ? userDocumentId === erasure.userDocumentId
      : userDocumentId === null && formerUserId === erasure.formerUserId;
  return isTheirs && isOfIt && createdAt < before;
}

const keyOf = ({ userDocumentId, conversationId }: HistoryRecord) => `${userDocumentId} ${conversationId}`;
const dayOf = (time: Date) => time.toISOString().slice(0, 10);

function groupBy<T>(items: readonly T[], keyOfItem: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOfItem(item), [...(groups.get(keyOfItem(item)) ?? []), item]);
  return groups;
}
