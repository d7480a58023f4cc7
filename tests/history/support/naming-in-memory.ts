import type { HistoryNaming } from '../../../src/history/naming/history-naming';
import type { HistoryRecord } from '../../../src/history/model/record';

/** Names the users of records in memory by their turns only. Numbers prove nothing here. */
export function namingInMemory(
  read: () => readonly HistoryRecord[],
  write: (records: readonly HistoryRecord[]) => void,
): HistoryNaming {
  const lookedFor = new Set<string>();
  let areNumbersLeft = false;
  const isUnnamed = ({ recordId, userDocumentId }: HistoryRecord) =>
    userDocumentId === null && !lookedFor.has(recordId);
  const isNotFound = ({ recordId, userDocumentId }: HistoryRecord) =>
    userDocumentId === null && lookedFor.has(recordId);
  const naming: HistoryNaming = {
    async listUnnamed() {
      const records = read().filter(isUnnamed).slice(0, 2);
      if (records.length > 0) {
        areNumbersLeft = true;
        return {
          records: records.map(({ recordId, createdAt }) => ({ id: recordId, timeMs: createdAt.getTime() })),
        };
      }
      return areNumbersLeft ? { users: await naming.listFormerUsers() } : null;
    },
    async match(matches) {
      const users = new Map(matches.map(({ position, userDocumentId }) => [position.id, userDocumentId]));
      for (const id of users.keys()) lookedFor.add(id);
      write(
        read().map((record) => ({
          ...record,
          userDocumentId: record.userDocumentId ?? users.get(record.recordId) ?? null,
        })),
      );
    },
    matchNumber: async () => 0,
    async endNaming() {
      areNumbersLeft = false;
    },
    async listFormerUsers() {
      const numbers = new Set(
        read()
          .filter(isNotFound)
          .map(({ formerUserId }) => formerUserId ?? 0),
      );
      return [...numbers].map((formerUserId) => {
        const own = read().filter((record) => isNotFound(record) && record.formerUserId === formerUserId);
        const times = own.map(({ createdAt }) => createdAt.getTime());
        return {
          formerUserId,
          records: own.length,
          firstAt: new Date(Math.min(...times)),
          lastAt: new Date(Math.max(...times)),
        };
      });
    },
    async assign(formerUserId, userDocumentId) {
      const isOfIt = (record: HistoryRecord) => isNotFound(record) && record.formerUserId === formerUserId;
      const count = read().filter(isOfIt).length;
      write(read().map((record) => (isOfIt(record) ? { ...record, userDocumentId } : record)));
      return count;
    },
    listFormerErasures: async () => [],
  };
  return naming;
}
