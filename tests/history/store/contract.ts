import { setTimeout as pause } from 'node:timers/promises';

import {
  historyProblems,
  type HistoryRecord,
  type HistoryStoreSettings,
  type StoredRecord,
} from '../../../src/history';
import { usageDimensions, type UsageQuery } from '../../../src/history/model/usage';
import { openHistoryStore, type Store } from '../../../src/history/store/open';
import { createRandom } from '../../faults/support/random';
import { scale } from '../../faults/support/scale';
import {
  bucketsOf,
  dayMs,
  failed,
  inOrder,
  randomRecords,
  record,
  someNoon,
  sortedUsage,
  summariesOf,
  usageOf,
  users,
} from './support/records';
import { createHistory, isThere, type ServerName, type TestHistory } from './support/servers';

const never = new AbortController().signal;
const firstPage = { limit: 100, offset: 0, after: null };
const allTime = [new Date(0), new Date(Date.UTC(2100, 0))] as const;
const allDays = { from: '2024-10-01', to: '2025-06-30' };
const dayOf = (timeMs: number) => new Date(timeMs).toISOString().slice(0, 10);

const withoutPosition = ({ position: _position, ...rest }: StoredRecord): HistoryRecord => rest;

/** Tests one kind of history store: its database, with or without daily partitions, in this thread or in a worker. */
export function describeHistoryStore(
  server: ServerName,
  isDaily: boolean,
  openStore: (settings: HistoryStoreSettings) => Store = openHistoryStore,
): void {
  const run = isThere(server) ? describe : describe.skip;
  const place = openStore === openHistoryStore ? '' : ', in a worker thread';
  run(
    `history store on ${server}, ${isDaily ? 'with a partition for each day' : 'in one table'}${place}`,
    () => {
      let history: TestHistory;
      let store: Store;
      let others: Store[];

      const open = (daily = isDaily, timeZone = 'UTC'): Store => {
        const other = openStore(history.settings(daily, timeZone));
        others.push(other);
        return other;
      };
      beforeEach(async () => {
        history = await createHistory(server);
        others = [];
        store = open();
      });
      afterEach(async () => {
        await Promise.all(others.map((one) => one.close()));
        await history.drop();
      });

      /** Asserts that every read returns exactly these records and their sums. */
      async function expectExactly(
        expected: readonly HistoryRecord[],
        by: Store = store,
        timeZone = 'UTC',
      ): Promise<void> {
        for (const scope of ['everybody', ...users.map((userDocumentId) => ({ userDocumentId }))] as const) {
          const summaries = summariesOf(expected, scope);
          expect(await by.listConversations(scope, firstPage)).toEqual(summaries.slice(0, 100));
          expect(await by.countConversations(scope)).toBe(summaries.length);
          expect(await by.listBuckets(scope, ...allTime)).toEqual(bucketsOf(expected, scope));
        }
        for (const dimension of usageDimensions) {
          const query = { ...allDays, by: dimension, characterId: null, model: null };
          expect(sortedUsage(await by.readUsage(query))).toEqual(usageOf(expected, query, timeZone));
        }
        const conversations = [...new Set(expected.map(({ conversationId }) => conversationId))];
        for (const conversationId of conversations) {
          const own = inOrder(expected.filter((one) => one.conversationId === conversationId));
          const read = await by.listRecords('everybody', conversationId, firstPage);
          expect(read.map(withoutPosition)).toEqual(own.slice(0, 100));
        }
        const kept = await by.readBefore('2100-01-01', null, 10_000);
        expect(kept.map(withoutPosition)).toEqual(inOrder(expected).reverse());
      }

      describe('save', () => {
        it('returns saved records and errors, newest first', async () => {
          const first = record();
          const second = failed({ recordId: 'turn-2', createdAt: new Date(someNoon + 1), tokenId: 5 });
          await store.save([second, first]);

          expect(await store.listRecords({ userDocumentId: 'user1' }, 'session-1', firstPage)).toEqual([
            { ...second, position: { timeMs: someNoon + 1, id: 'turn-2' } },
            { ...first, position: { timeMs: someNoon, id: 'turn-1' } },
          ]);
        });

        it('does not show the records of another user', async () => {
          await store.save([record()]);

          expect(await store.listRecords({ userDocumentId: 'user2' }, 'session-1', firstPage)).toEqual([]);
          expect(await store.listConversations({ userDocumentId: 'user2' }, firstPage)).toEqual([]);
          expect(await store.listBuckets({ userDocumentId: 'user2' }, ...allTime)).toEqual([]);
          expect(await store.countConversations({ userDocumentId: 'user2' })).toBe(0);
        });

        it('saves errors in their own table', async () => {
          await store.save([record(), failed({ recordId: 'turn-2' })]);
          const ids = async (table: string) =>
            (await history.rows(`select record_id from ${table}`)).map((row) => row['record_id']);

          expect(await ids('conversation_histories')).toEqual(['turn-1']);
          expect(await ids('error_conversation_histories')).toEqual(['turn-2']);
        });

        it('saves a record once, however often it arrives', async () => {
          const batch = [record(), failed({ recordId: 'turn-2' }), record()];
          await store.save(batch);
          await store.save([...batch, record({ recordId: 'turn-3' })]);

          await expectExactly([record(), failed({ recordId: 'turn-2' }), record({ recordId: 'turn-3' })]);
        });

        it('saves each batch once when two processes save it at the same time', async () => {
          const other = open();
          const records = randomRecords(createRandom(1), 200, 5);
          const half = Array.from({ length: 10 }, (_, index) => records.slice(index * 15, index * 15 + 65));
          await Promise.all(half.flatMap((batch) => [store.save(batch), other.save(batch)]));

          await expectExactly(records);
        });

        it('saves a whole batch or nothing', async () => {
          const tooLarge = record({ recordId: 'turn-2', formerUserId: 2 ** 70 });
          if (server === 'sqlite') {
            await store.migrated();
            const when = 'before insert on history_buckets begin';
            await history.rows(`create trigger refuse ${when} select raise(abort, 'refused'); end`);
          }

          await expect(store.save([record(), tooLarge])).rejects.toMatchObject({ name: 'HistoryProblem' });
          await expectExactly([]);
        });

        it('keeps the sums equal to those of the records over many days', async () => {
          const days = scale({ full: 60, smoke: 15 });
          const records = randomRecords(createRandom(2), scale({ full: 1_000, smoke: 500 }), days);
          for (let index = 0; index < records.length; index += 200)
            await store.save(records.slice(index, index + 200));

          await expectExactly(records);
          const used = (await store.listPartitions()).filter(({ rows }) => rows > 0);
          expect(used).toHaveLength(
            isDaily ? new Set(records.map(({ createdAt }) => dayOf(createdAt.getTime()))).size : 0,
          );
        });

        it('keeps every text that databases can store', async () => {
          const text = `'; drop table x; -- "\\" \\ \\0 😀 Ａ é e\u0301 \u202E % _ ? ?? :a $1 \r\n`;
          const hostile = record({
            recordId: `'"\\?${'😀'.repeat(20)}`,
            conversationId: `${text.slice(0, 40)}${'ß'.repeat(200)} `,
            model: `${'模'.repeat(254)} `,
            messages: [{ role: 'user', content: text, [text]: [text, null, 1.5] }],
            response: { text, long: 'ä😀'.repeat(100_000) },
          });
          const failing = failed({
            recordId: 'turn-2',
            error: { code: text, message: text, phase: 'before-answer', partialText: text },
          });
          await store.save([hostile, failing]);
          const [read] = await store.listRecords('everybody', hostile.conversationId, firstPage);
          const [error] = await store.listRecords('everybody', failing.conversationId, firstPage);

          expect(read && withoutPosition(read)).toEqual(hostile);
          expect(error && withoutPosition(error)).toEqual(failing);
        });

        it('replaces text that databases cannot store: NUL and lone surrogates', async () => {
          await store.save([
            record({ messages: [{ role: 'user', content: 'a\0b\uD83D' }], response: 'c\0' }),
          ]);
          const [read] = await store.listRecords('everybody', 'session-1', firstPage);
          const [summary] = await store.listConversations('everybody', firstPage);

          expect(read?.messages).toEqual([{ role: 'user', content: 'a\uFFFDb\uFFFD' }]);
          expect(read?.response).toBe('c\uFFFD');
          expect(summary?.title).toBe('a\uFFFDb\uFFFD');
        });

        it('distinguishes ids by every byte', async () => {
          const ids = ['a', 'A', 'a ', 'á', 'a\u0301'];
          await store.save(ids.map((id) => record({ recordId: id, conversationId: id })));

          expect(await store.countConversations('everybody')).toBe(ids.length);
          for (const id of ids)
            expect(
              (await store.listRecords('everybody', id, firstPage)).map(({ recordId }) => recordId),
            ).toEqual([id]);
        });
      });

      describe('lists', () => {
        it('return the same records by position and by offset when many have the same time', async () => {
          const records = Array.from({ length: 250 }, (_, index) =>
            (index % 7 === 0 ? failed : record)({
              recordId: `turn-${index}`,
              createdAt: new Date(someNoon - Math.floor(index / 10) * 7_200_000),
            }),
          );
          await store.save(records);
          const expected = inOrder(records).map(({ recordId }) => recordId);
          const byPosition: string[] = [];
          const byNumber: string[] = [];
          for (let after: StoredRecord['position'] | null = null; ;) {
            const page: readonly StoredRecord[] = await store.listRecords(
              { userDocumentId: 'user1' },
              'session-1',
              {
                limit: 7,
                offset: 0,
                after,
              },
            );
            byPosition.push(...page.map(({ recordId }) => recordId));
            after = page.at(-1)?.position ?? null;
            if (after === null) break;
          }
          for (let offset = 0; offset < 300; offset += 60) {
            const page = await store.listRecords('everybody', 'session-1', {
              limit: 60,
              offset,
              after: null,
            });
            byNumber.push(...page.map(({ recordId }) => recordId));
          }

          expect(byPosition).toEqual(expected);
          expect(byNumber).toEqual(expected);
        });

        it('return the same conversations by position and by offset', async () => {
          const records = Array.from({ length: 130 }, (_, index) =>
            record({
              recordId: `turn-${index}`,
              conversationId: `session-${index}`,
              createdAt: new Date(someNoon + Math.floor(index / 10)),
            }),
          );
          await store.save(records);
          const expected = summariesOf(records, 'everybody');
          const second = await store.listConversations('everybody', { limit: 50, offset: 50, after: null });
          const last = expected[49];
          if (last === undefined) throw new Error('There are 130 of them.');
          const after = { timeMs: last.lastAt.getTime(), id: last.conversationId };

          expect(second).toEqual(expected.slice(50, 100));
          expect(
            await store.listConversations({ userDocumentId: 'user1' }, { limit: 100, offset: 0, after }),
          ).toEqual(expected.slice(50));
        });

        it('read statistics only from the sums, through an index', async () => {
          await store.save(randomRecords(createRandom(3), 300, 3));
          const plan = await explainBuckets(server, history);

          expect(plan).not.toMatch(/conversation_histories/u);
          expect(plan).toMatch(/index|PRIMARY/iu);
          expect(plan).toMatch(/history_buckets/u);
        });
      });

      describe('erase', () => {
        it('removes one conversation up to a time, with its sums', async () => {
          const records = randomRecords(createRandom(4), 600, 20);
          await store.save(records);
          const before = new Date(someNoon - 8 * dayMs + 3_600_000);
          const isErased = (one: HistoryRecord) =>
            one.userDocumentId === 'user2' && one.conversationId === 'session-2-3' && one.createdAt < before;
          const removed = await store.erase({
            userDocumentId: 'user2',
            conversationId: 'session-2-3',
            before,
          });

          expect(removed).toBe(records.filter(isErased).length);
          expect(removed).toBeGreaterThan(0);
          await expectExactly(records.filter((one) => !isErased(one)));
        });

        it('removes all records of a user, in several transactions', async () => {
          const records = randomRecords(createRandom(5), scale({ full: 3_500, smoke: 2_000 }), 10);
          for (let index = 0; index < records.length; index += 500)
            await store.save(records.slice(index, index + 500));
          const before = new Date(someNoon - 2 * dayMs);
          const isErased = (one: HistoryRecord) => one.userDocumentId === 'user1' && one.createdAt < before;
          await store.erase({ userDocumentId: 'user1', conversationId: null, before });

          await expectExactly(records.filter((one) => !isErased(one)));
        });

        it('skips records that are saved later but were created before the erasure', async () => {
          const before = new Date(someNoon + 1);
          await store.erase({ userDocumentId: 'user1', conversationId: 'session-1', before });
          await store.erase({
            userDocumentId: 'user1',
            conversationId: 'session-1',
            before: new Date(someNoon - 99),
          });
          await store.erase({ userDocumentId: 'user2', conversationId: null, before });
          const later = record({ recordId: 'later', createdAt: before });
          const other = record({ recordId: 'other', conversationId: 'session-2' });
          await store.save([record(), later, other, failed({ recordId: 'turn-2', userDocumentId: 'user2' })]);

          await expectExactly([later, other]);
          expect(
            await store.restore([record(), record({ recordId: 'third', userDocumentId: 'user3' })]),
          ).toBe(1);
        });

        it('also applies to records that others save at the same time', async () => {
          const other = open();
          const records = Array.from({ length: 300 }, (_, index) =>
            record({ recordId: `turn-${index}`, createdAt: new Date(someNoon + index) }),
          );
          const before = new Date(someNoon + 10_000);
          await store.save(records.slice(0, 100));
          await Promise.all([
            ...Array.from({ length: 10 }, (_, index) =>
              other.save(records.slice(100 + index * 20, 120 + index * 20)),
            ),
            store.erase({ userDocumentId: 'user1', conversationId: null, before }),
          ]);

          await expectExactly([]);
        });
      });

      describe('prune', () => {
        it('removes exactly the days before, with their sums, and can be repeated', async () => {
          const records = randomRecords(
            createRandom(6),
            scale({ full: 1_500, smoke: 500 }),
            scale({ full: 30, smoke: 15 }),
          );
          await store.save(records);
          const day = dayOf(someNoon - 10 * dayMs);
          const isOld = ({ createdAt }: HistoryRecord) => createdAt < new Date(`${day}T00:00:00Z`);
          const kept = records.filter((one) => !isOld(one));

          expect(await store.prune(day, never)).toBe(records.length - kept.length);
          await expectExactly(kept);
          expect(await store.prune(day, never)).toBe(0);
          await expectExactly(kept);
          if (isDaily) expect((await store.listPartitions())[0]?.day).toBe(day);
        });

        it('stops when its signal is aborted, with correct sums', async () => {
          const records = randomRecords(createRandom(7), 200, 5);
          await store.save(records);
          const stopped = AbortSignal.abort();
          expect(await store.prune('2025-01-14', stopped)).toBe(0);
          await expectExactly(records);
        });

        it('can remove everything, and then accepts new and old days', async () => {
          const records = randomRecords(createRandom(8), 300, 5);
          await store.save(records);
          expect(await store.prune('2025-02-01', never)).toBe(300);
          await expectExactly([]);

          expect(await store.restore(records)).toBe(300);
          await expectExactly(records);
        });

        it('lets others save and read meanwhile', async () => {
          const other = open();
          const records = randomRecords(createRandom(9), scale({ full: 2_000, smoke: 700 }), 10);
          await store.save(records);
          const late = Array.from({ length: scale({ full: 100, smoke: 40 }) }, (_, index) =>
            record({ recordId: `late-${index}`, createdAt: new Date(someNoon + 10 * dayMs + index) }),
          );
          const pruned = store.prune('2025-01-16', never);
          for (const one of late) {
            await other.save([one]);
            await other.listConversations('everybody', firstPage);
          }
          await pruned;

          await expectExactly([
            ...records.filter(({ createdAt }) => createdAt >= new Date('2025-01-16T00:00:00Z')),
            ...late,
          ]);
        });
      });

      describe('partitions', () => {
        it('are created in advance', async () => {
          await store.preparePartitions(new Date(someNoon), 3);
          await store.save([record()]);
          const days = (await store.listPartitions()).map(({ day }) => day);

          if (isDaily)
            expect(days).toEqual(expect.arrayContaining(['2025-01-15', '2025-01-16', '2025-01-17']));
          else expect(days).toEqual([]);
        });

        it('are named after their days, and report their sizes', async () => {
          await store.save([record(), failed({ recordId: 'turn-2' })]);
          const [partition] = await store.listPartitions();
          const sizes = await store.listSizes();

          expect(sizes.map(({ table, rows }) => [table, rows])).toEqual([
            ['conversation_histories', 1],
            ['error_conversation_histories', 1],
            ['history_conversations', 1],
            ['history_buckets', 2],
            ['history_erasures', 0],
          ]);
          expect(Math.min(...sizes.map(({ bytes }) => bytes))).toBeGreaterThan(0);
          if (!isDaily) return;
          expect(partition).toMatchObject({ day: '2025-01-15', rows: 2 });
          expect(partition?.bytes).toBeGreaterThan(0);
          expect(await history.rows('select record_id from conversation_histories_2025_01_15')).toEqual([
            { record_id: 'turn-1' },
          ]);
        });

        it('of days without an error are dropped like others after the tables were divided later', async () => {
          const flat = open(false);
          await flat.save([record()]);
          await flat.close();
          const daily = open(true);
          await daily.migrated();
          expect(await daily.remove([{ timeMs: someNoon, id: 'turn-1' }])).toBe(1);
          await daily.dropEmptyPartitions('2025-02-01', never);

          expect((await daily.listPartitions()).filter(({ day }) => day < '2025-02-01')).toEqual([]);
          expect(await daily.countConversations('everybody')).toBe(0);
        });

        it('can be switched on and off again and again while others save and read', async () => {
          const rounds = scale({ full: 2, smoke: 1 });
          let saved = scale({ full: 800, smoke: 300 });
          const records = randomRecords(createRandom(10), saved + 2 * rounds * 100, 12);
          await store.save(records.slice(0, saved));
          for (const daily of Array.from({ length: rounds }, () => [!isDaily, isDaily]).flat()) {
            const other = open(daily);
            const migrated = other.migrated();
            await store.save(records.slice(saved, saved + 100));
            saved += 100;
            const seen = await store.readBefore('2100-01-01', null, 10_000);
            expect(seen).toHaveLength(saved);
            await migrated;
            await expectExactly(records.slice(0, saved));
            expect((await store.listPartitions()).length > 0).toBe(daily);
            await other.close();
          }
          await store.prune('2025-01-10', never);
          await expectExactly(
            records.slice(0, saved).filter(({ createdAt }) => createdAt >= new Date('2025-01-10T00:00:00Z')),
          );
        });
      });

      const ofDays = isDaily ? describe : describe.skip;
      ofDays('a day that an operator drops', () => {
        const records = randomRecords(createRandom(12), scale({ full: 800, smoke: 200 }), 5);
        const isOf = (day: string) => (one: HistoryRecord) => dayOf(one.createdAt.getTime()) === day;
        const without = (day: string) => records.filter((one) => !isOf(day)(one));
        const tablesOf = (day: string) =>
          ['conversation_histories', 'error_conversation_histories'].map(
            (name) => `${name}_${day.replaceAll('-', '_')}`,
          );
        const dropTables = async (...tables: string[]) => {
          for (const table of tables) await history.rows(`drop table ${table}`);
        };
        const namesLike = async (day: string) =>
          (await store.listPartitions()).filter((partition) => partition.day === day);

        beforeEach(async () => {
          await store.save(records);
          await store.listConversations('everybody', firstPage);
        });

        it.each(['2025-01-11', '2025-01-13', '2025-01-15'])(
          'is gone from records, lists and sums: %s of five days',
          async (day) => {
            await dropTables(...tablesOf(day));

            await expectExactly(without(day), open());
            expect(await namesLike(day)).toEqual([]);
            expect(await history.rows('select count(*) as count from conversation_histories')).toHaveLength(
              1,
            );
          },
        );

        it('is gone when it was the last of all days', async () => {
          for (const day of ['2025-01-11', '2025-01-12', '2025-01-13', '2025-01-14', '2025-01-15'])
            await dropTables(...tablesOf(day));

          await expectExactly([], open());
          await store.save(records);
          await expectExactly(records);
        });

        const inThisThread = openStore === openHistoryStore ? it : it.skip;
        inThisThread('is gone within a minute for a process that has it in use', async () => {
          await dropTables(...tablesOf('2025-01-13'));
          const now = Date.now();
          const clock = jest.spyOn(Date, 'now').mockImplementation(() => now + 60_000);
          try {
            await expectExactly(without('2025-01-13'));
          } finally {
            clock.mockRestore();
          }
        });

        it('can still be opened and erased by a process that has it in use', async () => {
          await dropTables(...tablesOf('2025-01-13'));
          const [conversation] = await store.listConversations('everybody', firstPage);
          if (conversation === undefined) throw new Error('There are conversations.');
          const { conversationId, userDocumentId } = conversation;
          const read = await store.listRecords({ userDocumentId }, conversationId, firstPage);
          const isSame = (one: HistoryRecord) => one.conversationId === conversationId;
          const own = inOrder(without('2025-01-13').filter(isSame));
          expect(read.map(({ recordId }) => recordId)).toEqual(own.map(({ recordId }) => recordId));

          const before = new Date(someNoon + dayMs);
          await store.erase({ userDocumentId, conversationId, before });
          await expectExactly(
            without('2025-01-13').filter((one) => !isSame(one)),
            open(),
          );
        });

        it('loses only its successes or errors if only one of its tables is dropped', async () => {
          const [successes = '', errors = ''] = tablesOf('2025-01-13');
          await dropTables(errors);
          const withoutErrors = records.filter((one) => one.error === null || !isOf('2025-01-13')(one));
          await expectExactly(withoutErrors, open());

          await dropTables(successes);
          await expectExactly(without('2025-01-13'), open());
          expect(await namesLike('2025-01-13')).toEqual([]);
        });

        it('takes late records before anybody has noticed', async () => {
          await dropTables(...tablesOf('2025-01-13'));
          const late = record({ recordId: 'late', createdAt: new Date(someNoon - 2 * dayMs) });
          await store.save([late]);

          await expectExactly([...without('2025-01-13'), late]);
          await expectExactly([...without('2025-01-13'), late], open());
        });

        it('is gone when the tables are joined before anybody has noticed', async () => {
          await dropTables(...tablesOf('2025-01-13'));
          const joined = open(false);
          await joined.migrated();

          await expectExactly(without('2025-01-13'), joined);
        });
      });

      describe('days of a time zone', () => {
        /** New York changed its clocks on 2025-03-09, so this day has 23 hours. */
        const times = ['2025-03-09T04:59Z', '2025-03-09T05:00Z', '2025-03-10T03:59Z', '2025-03-10T04:00Z'];
        const records = times.map((time) => record({ recordId: time, createdAt: new Date(time) }));

        it('begin at midnight of MES_TIME_ZONE', async () => {
          const there = open(isDaily, 'America/New_York');
          await there.save(records);
          const used = (await there.listPartitions()).filter(({ rows }) => rows > 0);
          expect(used.map(({ day, rows }) => [day, rows])).toEqual(
            isDaily
              ? [
                  ['2025-03-08', 1],
                  ['2025-03-09', 2],
                  ['2025-03-10', 1],
                ]
              : [],
          );
          expect(await there.dayOf(new Date('2025-03-10T03:59Z'))).toBe('2025-03-09');

          expect(await there.readBefore('2025-03-10', null, 10)).toHaveLength(3);
          expect(await there.prune('2025-03-10', never)).toBe(3);
          await expectExactly(records.slice(3), there, 'America/New_York');
        });

        it('stay those of the first start', async () => {
          await open(isDaily, 'America/New_York').save(records);

          await expect(store.countConversations('everybody')).rejects.toMatchObject({
            code: 'other-time-zone',
            message: historyProblems['other-time-zone'],
          });
          expect(await open(isDaily, 'US/Eastern').countConversations('everybody')).toBe(1);
        });

        it('can be divided and joined', async () => {
          await open(isDaily, 'America/New_York').save(records);
          const other = open(!isDaily, 'America/New_York');
          await other.migrated();
          await expectExactly(records, other, 'America/New_York');
        });
      });

      describe('daily sums', () => {
        it('of one character and one model are those of their records', async () => {
          const records = randomRecords(createRandom(7), 300, 5);
          await store.save(records);

          for (const by of usageDimensions) {
            for (const characterId of [null, 'character-1']) {
              for (const model of [null, 'GPT-4']) {
                const query = { from: '2025-01-12', to: '2025-01-14', by, characterId, model };
                expect(sortedUsage(await store.readUsage(query))).toEqual(usageOf(records, query));
              }
            }
          }
        });

        it('cover every day of the range', async () => {
          const query = { from: '2025-01-15', to: '2025-01-16', by: 'day', characterId: null, model: null };
          expect(await store.readUsage(query as UsageQuery)).toEqual({
            groups: [],
            users: 0,
            days: [
              { date: '2025-01-15', startMs: Date.UTC(2025, 0, 15), endMs: Date.UTC(2025, 0, 16) },
              { date: '2025-01-16', startMs: Date.UTC(2025, 0, 16), endMs: Date.UTC(2025, 0, 17) },
            ],
          });
        });

        it('are counted in a store of a version that had none', async () => {
          const records = randomRecords(createRandom(8), 300, 10);
          await store.save(records);
          await store.migrated();
          await history.rows('drop table history_days');
          await history.rows('update history_state set uncounted_before = null');

          const late = record({ recordId: 'late' });
          const [one, other] = [open(), open()];
          await Promise.all([one.save([late]), other.migrated()]);
          await one.migrated();
          await expectExactly([...records, late], other);
        });

        it('are found by the primary key', async () => {
          await store.save(randomRecords(createRandom(9), 50, 2));
          const plan = await explainUsage(server, history);

          const byKey = {
            sqlite: /SEARCH history_days USING/gu,
            postgres: /history_days_pkey/gu,
            mariadb: /"key":"PRIMARY"/gu,
          };
          expect(plan.match(byKey[server])).toHaveLength(4);
        });
      });

      describe('opening', () => {
        it('creates one store when several processes do it at the same time', async () => {
          const several = [open(), open(), open()];
          await Promise.all(several.map((one, index) => one.save([record({ recordId: `turn-${index}` })])));

          expect(await store.listRecords('everybody', 'session-1', firstPage)).toHaveLength(3);
        });

        const onServer = server === 'sqlite' ? it.skip : it;
        onServer('is retried until the server is reachable, and survives a lost connection', async () => {
          history.cable?.cut();
          await expect(store.save([record()])).rejects.toMatchObject({ code: 'unreachable' });
          await expect(store.countConversations('everybody')).rejects.toMatchObject({ code: 'unreachable' });
          history.cable?.repair();
          await untilWorks(() => store.save([record()]));

          history.cable?.cut();
          const lost = await store.save([record({ recordId: 'turn-2' })]).catch((error: unknown) => error);
          expect(lost).toMatchObject({ name: 'HistoryProblem', code: 'unreachable' });
          history.cable?.repair();
          await untilWorks(() => store.save([record({ recordId: 'turn-2' })]));
          expect(await store.listRecords('everybody', 'session-1', firstPage)).toHaveLength(2);
        });
      });
    },
  );
}

async function untilWorks(run: () => Promise<unknown>): Promise<void> {
  for (const giveUpAt = Date.now() + 20_000; ;) {
    try {
      await run();
      return;
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await pause(50);
    }
  }
}

async function explainBuckets(server: ServerName, history: TestHistory): Promise<string> {
  const { bucketsSql } = await import('../../../src/history/store/operations/read');
  const explain = server === 'sqlite' ? 'explain query plan' : 'explain';
  // PostgreSQL would scan such a small table sequentially.
  if (server === 'postgres') await history.rows('set enable_seqscan = off');
  const rows = await history.rows(`${explain} ${bucketsSql}`, [1, 0, Date.UTC(2100, 0)]);
  return JSON.stringify(rows);
}

async function explainUsage(server: ServerName, history: TestHistory): Promise<string> {
  const { usageSql } = await import('../../../src/history/store/operations/usage');
  const query = { from: '2025-01-01', to: '2025-01-31', by: 'day', characterId: null, model: null } as const;
  const { sql, bindings } = usageSql(query);
  const explain = server === 'sqlite' ? 'explain query plan' : 'explain';
  // PostgreSQL would scan such a small table sequentially.
  if (server === 'postgres') await history.rows('set enable_seqscan = off');
  return JSON.stringify(await history.rows(`${explain} ${sql}`, bindings as (string | number)[]));
}
