import type { Erasure, HistoryStore } from '../../../src/history/model/store';
import type { HistoryNaming } from '../../../src/history/naming/history-naming';
import type { HistoryRecord } from '../../../src/history/model/record';
import { namingInMemory } from './naming-in-memory';

type WrittenStore = HistoryNaming & Pick<HistoryStore, 'save' | 'erase' | 'countConversations' | 'identity'>;

/** A history store in memory that a test can make fail. */
export interface MemoryHistoryStore extends WrittenStore {
  readonly records: ReadonlyMap<string, HistoryRecord>;
  /** The writes that were requested, in order. */
  readonly calls: readonly string[];
  /** Counts the reads that check whether the store is available. */
  reads: number;
  /** The error that rejects every call (`away`) or every write (`readOnly`). */
  away: Error | null;
  readOnly: Error | null;
  /** Ids of records that the store refuses. A batch with one of them is rejected as a whole. */
  readonly refused: Set<string>;
}

export function createMemoryHistoryStore(): MemoryHistoryStore {
  const records = new Map<string, HistoryRecord>();
  const erasures: Erasure[] = [];
  const calls: string[] = [];
  const isErased = (record: HistoryRecord) =>
    erasures.some(
      (erasure) =>
        'userDocumentId' in erasure &&
        record.userDocumentId === erasure.userDocumentId &&
        [null, record.conversationId].includes(erasure.conversationId) &&
        record.createdAt < erasure.before,
    );
  const store: MemoryHistoryStore = {
    records,
    calls,
    reads: 0,
    away: null,
    readOnly: null,
    refused: new Set(),
    identity: async () => 'memory',
    ...namingInMemory(
      () => [...records.values()],
      (changed) => {
        for (const record of changed) records.set(record.recordId, record);
      },
    ),
    async save(batch) {
      calls.push(`save ${batch.map(({ recordId }) => recordId).join()}`);
      assertWritable();
      if (batch.some(({ recordId }) => store.refused.has(recordId)))
        throw new Error('A value is out of range.');
      for (const record of batch) {
        if (!records.has(record.recordId) && !isErased(record)) records.set(record.recordId, record);
      }
    },
    async erase(erasure) {
      calls.push(`erase ${'userDocumentId' in erasure ? erasure.userDocumentId : erasure.formerUserId}`);
      assertWritable();
      erasures.push(erasure);
      const gone = [...records.values()].filter(isErased);
      for (const { recordId } of gone) records.delete(recordId);
      return gone.length;
    },
    async countConversations() {
      store.reads += 1;
      if (store.away !== null) throw store.away;
      return 0;
    },
  };
  return store;

  function assertWritable(): void {
    const problem = store.away ?? store.readOnly;
    if (problem !== null) throw problem;
  }
}
