import type { Erasure, HistoryStore } from '../../../src/history/model/store';
import type { HistoryNaming } from '../../../src/history/naming/history-naming';
import type { HistoryRecord } from '../../../src/history/model/record';
import { namingInMemory } from './naming-in-memory';

type WrittenStore = HistoryNaming & Pick<HistoryStore, 'save' | 'erase' | 'countConversations' | 'identity'>;

/** A history that forgets everything with the process, and what a test may do to it. */
export interface MemoryHistoryStore extends WrittenStore {
  readonly records: ReadonlyMap<string, HistoryRecord>;
  /** What it was to write, in order. */
  readonly calls: readonly string[];
  /** How often it was asked whether it is there. */
  reads: number;
  /** Whether it rejects everything, or everything that writes. */
  away: Error | null;
  readOnly: Error | null;
  /** The records it does not take, whatever they come with. */
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
