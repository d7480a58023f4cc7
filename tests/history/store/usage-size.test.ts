import { usageDimensions } from '../../../src/history/model/usage';
import { openHistoryStore } from '../../../src/history/store/open';
import { createRandom } from '../../faults/support/random';
import { classTimeoutMs, scale } from '../../faults/support/scale';
import { dayMs, failed, record, someNoon } from './support/records';
import { createHistory } from './support/servers';

/** A turn has two messages. */
const count = scale({ full: 500_000, smoke: 2_000 });
const batchSize = 500;
const days = 60;
const users = scale({ full: 5_000, smoke: 100 });

describe.each(['sqlite', 'postgres'] as const)('usage of very many records, %s', (server) => {
  it(
    'is one statement, and equals a direct count',
    async () => {
      const random = createRandom(20_261_130);
      const history = await createHistory(server);
      const store = openHistoryStore(history.settings(false));
      for (let done = 0; done < count; done += batchSize) {
        await store.save(
          Array.from({ length: batchSize }, (_, part) =>
            (random.chance(0.05) ? failed : record)({
              recordId: `turn-${done + part}`,
              userDocumentId: `user${random.between(1, users)}`,
              conversationId: `session-${random.between(1, 5_000)}`,
              characterId: `character-${random.between(1, 20)}`,
              firstTokenMs: random.between(100, 20_000),
              createdAt: new Date(someNoon - random.between(0, days * dayMs)),
            }),
          ),
        );
      }
      const [from, to] = [someNoon - days * dayMs, someNoon].map((ms) =>
        new Date(ms).toISOString().slice(0, 10),
      ) as [string, string];
      const [direct] = await history.rows(
        `select count(*) as records, count(distinct user_document_id) as users from
         (select user_document_id from conversation_histories
          union all select user_document_id from error_conversation_histories) as both_tables`,
      );

      for (const by of usageDimensions) {
        const beganAt = performance.now();
        const usage = await store.readUsage({ from, to, by, characterId: null, model: null });
        const tookMs = performance.now() - beganAt;
        process.stdout.write(
          `history · ${server} · usage by ${by} of ${count} records: ${tookMs.toFixed(0)} ms\n`,
        );
        expect([usage.groups.reduce((sum, group) => sum + group.records, 0), usage.users]).toEqual([
          Number(direct?.['records']),
          Number(direct?.['users']),
        ]);
      }
      await store.close();
      await history.drop();
    },
    classTimeoutMs,
  );
});
