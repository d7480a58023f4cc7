import { openHistoryStore } from '../../../src/history/store/open';
import { createRandom } from '../../faults/support/random';
import { classTimeoutMs, scale } from '../../faults/support/scale';
import { dayMs, failed, record, someNoon } from './support/records';
import { createHistory } from './support/servers';

const count = scale({ full: 1_000_000, smoke: 4_000 });
const days = 60;
const batchSize = 500;

const sums = ['records', 'errors', 'promptTokens', 'completionTokens', 'totalTokens', 'priceNanos'] as const;

describe.each(['sqlite', 'postgres'] as const)(
  'history statistics of a user with very many records, %s',
  (server) => {
    it(
      'read few rows, and match a scan of the records',
      async () => {
        const random = createRandom(20_261_121);
        const history = await createHistory(server);
        const store = openHistoryStore(history.settings(false));
        for (let done = 0; done < count; done += batchSize) {
          await store.save(
            Array.from({ length: batchSize }, (_, part) => {
              const tokens = random.between(0, 900);
              return (random.chance(0.05) ? failed : record)({
                recordId: `turn-${done + part}`,
                conversationId: `session-${random.between(1, 5_000)}`,
                characterId: random.pick(['character-1', 'character-2', 'character-3']),
                usage: {
                  promptTokens: tokens,
                  completionTokens: 2 * tokens,
                  totalTokens: 3 * tokens,
                  priceNanos: tokens * 1_003,
                  currency: 'USD',
                },
                createdAt: new Date(someNoon - random.between(0, days * dayMs)),
              });
            }),
          );
        }

        const beganAt = performance.now();
        const buckets = await store.listBuckets(
          { userDocumentId: 'user1' },
          new Date(0),
          new Date(someNoon + dayMs),
        );
        const tookMs = performance.now() - beganAt;
        const scan = await scanned(history.rows);
        process.stdout.write(
          `history · ${server} · statistics of ${count} records: ${buckets.length} rows in ${tookMs.toFixed(0)} ms; ` +
            `a scan takes ${scan.tookMs.toFixed(0)} ms\n`,
        );

        expect(sums.map((sum) => buckets.reduce((total, bucket) => total + bucket[sum], 0))).toEqual(
          scan.sums,
        );
        expect(buckets.length).toBeLessThanOrEqual(days * 96 * 3 + 3);
        await store.close();
        await history.drop();
      },
      classTimeoutMs,
    );
  },
);

/** Computes the same sums by a scan of the records. */
async function scanned(rows: (sql: string) => Promise<readonly Record<string, unknown>[]>) {
  const beganAt = performance.now();
  const columns = ['prompt_tokens', 'completion_tokens', 'total_tokens', 'price_nanos'];
  const select = (table: string) =>
    rows(
      `select count(*) as records, ${columns.map((column) => `sum(${column}) as ${column}`).join(', ')}
       from ${table} where user_document_id = 'user1'`,
    );
  const [good] = await select('conversation_histories');
  const [bad] = await select('error_conversation_histories');
  const both = (column: string) => Number(good?.[column] ?? 0) + Number(bad?.[column] ?? 0);
  return {
    sums: [both('records'), Number(bad?.['records']), ...columns.map(both)],
    tookMs: performance.now() - beganAt,
  };
}
