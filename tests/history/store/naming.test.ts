import type { HistoryRecord } from '../../../src/history';
import type { UserSource } from '../../../src/chat';
import { createNaming } from '../../../src/history/naming/naming';
import { openHistoryStore, type Store } from '../../../src/history/store/open';
import { fromLine, toLine } from '../../../scripts/history/line';
import { recordingLog } from '../../chat/support/fixtures';
import { createRandom } from '../../faults/support/random';
import { createByNumber, type NumberedErasure, type NumberedRecord } from './support/by-number';
import {
  bucketsOf,
  dayMs,
  inOrder,
  randomRecords,
  record,
  someNoon,
  summariesOf,
  users,
} from './support/records';
import { createHistory, describeOnEachStore, type TestHistory } from './support/servers';

const firstPage = { limit: 100, offset: 0, after: null };
const allTime = [new Date(0), new Date(Date.UTC(2100, 0))] as const;

/** The owners of turns and sessions in the main database, and the present owners of the numbers. */
interface MainDatabase {
  readonly turns: ReadonlyMap<string, string>;
  readonly sessions?: ReadonlyMap<string, string>;
  readonly today?: ReadonlyMap<number, string>;
}

const importedAt = someNoon - 2 * dayMs;
/**
 * The expected records, with the numbers they had. After an import, each user had the number of another user. That
 * version did not know the time to the first token.
 */
const records = randomRecords(createRandom(3), 300, 5).map(numbered);

function numbered(one: HistoryRecord): HistoryRecord {
  const index = users.indexOf(one.userDocumentId as (typeof users)[number]);
  const isLater = one.createdAt.getTime() >= importedAt;
  return { ...one, firstTokenMs: null, formerUserId: isLater ? ((index + 1) % users.length) + 1 : index + 1 };
}

const turnsOf = (all: readonly HistoryRecord[]) =>
  new Map(all.map(({ recordId, userDocumentId }) => [recordId, userDocumentId ?? '']));

const toNumbered = ({ userDocumentId: _user, ...one }: HistoryRecord): NumberedRecord => ({
  ...one,
  formerUserId: one.formerUserId ?? 0,
});

function namingOf(store: Store, { turns, sessions = new Map(), today = new Map() }: MainDatabase) {
  const log = recordingLog();
  const some =
    <K>(all: ReadonlyMap<K, string>) =>
    async (keys: readonly K[]) =>
      new Map([...all].filter(([key]) => keys.includes(key)));
  const users_: UserSource = { findDocumentIds: some(today), findIds: async () => new Map() };
  const source = { findTurnOwners: some(turns), findSessionOwners: some(sessions) };
  return { log, ...createNaming({ source, store, users: users_, log }) };
}

/** Names everything, as the history writer does. @returns the log lines. */
async function nameAll(store: Store, main: MainDatabase): Promise<readonly string[]> {
  const { log, nameErasures, nameSome } = namingOf(store, main);
  await nameErasures();
  while (await nameSome());
  return log.lines;
}

async function expectExactly(
  store: Store,
  expected: readonly HistoryRecord[],
  everybody = expected,
): Promise<void> {
  for (const scope of ['everybody', ...users.map((userDocumentId) => ({ userDocumentId }))] as const) {
    expect(await store.listConversations(scope, firstPage)).toEqual(summariesOf(expected, scope));
    const counted = scope === 'everybody' ? everybody : expected;
    expect(await store.listBuckets(scope, ...allTime)).toEqual(bucketsOf(counted, scope));
  }
  const conversations = new Set(expected.map(({ conversationId }) => conversationId));
  for (const conversationId of conversations) {
    for (const userDocumentId of users) {
      const own = expected.filter(
        (one) => one.userDocumentId === userDocumentId && one.conversationId === conversationId,
      );
      const shown = await store.listRecords({ userDocumentId }, conversationId, firstPage);
      expect(shown.map(({ position: _position, ...rest }) => rest)).toEqual(inOrder(own));
    }
  }
}

describeOnEachStore('history store of a version that named users by number', (server, isDaily) => {
  let history: TestHistory;
  let stores: Store[];

  beforeEach(async () => {
    history = await createHistory(server);
    stores = [];
  });
  afterEach(async () => {
    for (const store of stores) await store.close();
    await history.drop();
  });

  function open(): Store {
    const store = openHistoryStore(history.settings(isDaily));
    stores.push(store);
    return store;
  }

  const create = (old: readonly HistoryRecord[], erasures: readonly NumberedErasure[] = []) =>
    createByNumber(history, { server, isDaily, records: old.map(toNumbered), erasures });

  it('returns all records of a user after naming, and never those of another user', async () => {
    await create(records);
    const store = open();
    const { nameSome, log } = namingOf(store, { turns: turnsOf(records) });
    expect(await store.listConversations('everybody', firstPage)).toEqual([]);
    expect(await store.listBuckets('everybody', ...allTime)).toEqual(bucketsOf(records, 'everybody'));
    while (await nameSome()) {
      for (const userDocumentId of users) {
        for (const { conversationId } of await store.listConversations({ userDocumentId }, firstPage))
          expect(conversationId).toContain(`session-${userDocumentId.slice(-1)}-`);
      }
    }
    await expectExactly(store, records);
    expect(log.lines.at(-1)).toContain(`looked for ${records.length} records`);
    expect(await store.listUnnamed()).toBeNull();
  });

  it('is converted and named by two processes together, and later by a third one', async () => {
    // These records need more than two steps of naming.
    const many = randomRecords(createRandom(4), 600, 2).map(numbered);
    await create(many);
    const main = { turns: turnsOf(many) };
    await Promise.all(
      [open(), open()].map(async (store) => {
        await namingOf(store, main).nameSome();
        await store.close();
      }),
    );
    const last = open();
    expect(await last.listUnnamed()).toMatchObject({ records: expect.anything() });
    await nameAll(last, main);
    await expectExactly(last, many);
  });

  it('saves and returns new records during the naming', async () => {
    await create(records);
    const store = open();
    const { nameSome } = namingOf(store, { turns: turnsOf(records) });
    await nameSome();
    const added = record({ recordId: 'new', conversationId: 'session-1-1', createdAt: new Date() });
    await store.save([added, { ...records[7], userDocumentId: 'user1' } as HistoryRecord]);
    const [latest] = await store.listRecords({ userDocumentId: 'user1' }, 'session-1-1', firstPage);
    expect(latest?.recordId).toBe('new');
    while (await nameSome());
    await expectExactly(store, [...records, added]);
  });

  it('hides records without a turn, and counts them', async () => {
    const unknown = records.filter((_one, index) => index % 4 === 0);
    const known = records.filter((one) => !unknown.includes(one));
    // Every number belonged to two users, so it proves nothing. No conversation of these records has a turn.
    const alone = unknown.map((one) => ({ ...one, conversationId: `of-${one.recordId}` }));
    await create([...known, ...alone]);
    const store = open();
    const lines = await nameAll(store, { turns: turnsOf(known) });
    expect(lines.at(-1)).toContain(`${alone.length} records of the history have a number as their user`);
    await expectExactly(store, known, [...known, ...alone]);
    const numbers = await store.listFormerUsers();
    expect(numbers.reduce((sum, one) => sum + one.records, 0)).toBe(alone.length);

    // The operator assigns a number.
    const [first] = numbers;
    const number = first?.formerUserId ?? 0;
    const given = alone.filter(({ formerUserId }) => formerUserId === number);
    expect(await store.assign(number, 'user5')).toBe(given.length);
    const named = given.map((one) => ({ ...one, userDocumentId: 'user5' }));
    await expectExactly(store, [...known, ...named], [...known, ...alone]);
    expect((await store.listFormerUsers()).map(({ formerUserId }) => formerUserId)).not.toContain(number);
  });

  it('assigns a record without a turn to the user who had the number', async () => {
    const at = (day: number) => new Date(someNoon + day * dayMs);
    const turn = (recordId: string, formerUserId: number, day: number, conversationId = recordId) =>
      record({ recordId, formerUserId, conversationId, createdAt: at(day) });
    const turns = [
      // User 1 still has number 1. User 2 had number 2, which user 5 has today.
      turn('of-1', 1, 1),
      turn('of-2', 2, 1),
      turn('of-2-last', 2, 3),
      // Number 3 belonged to two users.
      turn('of-3', 3, 1, 'shared'),
      turn('of-3-later', 3, 3),
    ];
    const others = {
      'before-1': turn('before-1', 1, 0),
      'after-1': turn('after-1', 1, 9),
      'within-2': turn('within-2', 2, 2),
      'after-2': turn('after-2', 2, 4),
      'in-conversation-of-3': turn('in-conversation-of-3', 3, 2, 'shared'),
      'of-3-alone': turn('of-3-alone', 3, 2),
      'of-nobody': turn('of-nobody', 4, 2),
    };
    await create([...turns, ...Object.values(others)]);
    const store = open();
    await nameAll(store, {
      turns: new Map([
        ['of-1', 'user1'],
        ['of-2', 'user2'],
        ['of-2-last', 'user2'],
        ['of-3', 'user3'],
        ['of-3-later', 'user4'],
      ]),
      today: new Map([
        [1, 'user1'],
        [2, 'user5'],
        [3, 'user4'],
        [4, 'user5'],
      ]),
    });
    const all = await store.readBefore('2100-01-01', null, 100);
    const owners = Object.fromEntries(
      all
        .filter(({ recordId }) => recordId in others)
        .map(({ recordId, userDocumentId }) => [recordId, userDocumentId]),
    );
    expect(owners).toEqual({
      'before-1': null,
      'after-1': 'user1',
      'within-2': 'user2',
      'after-2': null,
      'in-conversation-of-3': 'user3',
      'of-3-alone': null,
      'of-nobody': null,
    });
  });

  it('applies erasures that name their user by number', async () => {
    const before = new Date(someNoon + dayMs);
    await create(
      [record({ recordId: 'kept', conversationId: 'session-2', formerUserId: 7 })],
      [
        { formerUserId: 7, conversationId: 'session-1', before },
        { formerUserId: 8, conversationId: '', before },
      ],
    );
    const store = open();
    await nameAll(store, {
      turns: new Map([['kept', 'user1']]),
      sessions: new Map([['session-1', 'user1']]),
    });
    // The main database still has the messages. The writer copies them again, and they stay erased.
    await store.save([record({ recordId: 'copied-again' })]);
    // An old archive contains these records.
    await store.restore([
      record({ recordId: 'of-8', userDocumentId: null, formerUserId: 8 }),
      record({ recordId: 'of-7', userDocumentId: null, formerUserId: 7 }),
    ]);
    const left = await store.readBefore('2100-01-01', null, 100);
    expect(left.map(({ recordId }) => recordId)).toEqual(['kept']);
  });

  it('erases the records of a number up to a time, except those that a turn assigns to another user', async () => {
    await create([
      record({ recordId: 'deleted', conversationId: 'a', formerUserId: 7 }),
      record({ recordId: 'living', conversationId: 'b', formerUserId: 7 }),
      record({ recordId: 'later', conversationId: 'a', formerUserId: 7, createdAt: new Date(someNoon + 9) }),
      record({ recordId: 'other', conversationId: 'c', formerUserId: 8 }),
    ]);
    const store = open();
    await store.erase({ formerUserId: 7, conversationId: null, before: new Date(someNoon + 5) });
    await nameAll(store, { turns: new Map([['living', 'user2']]) });
    const left = await store.readBefore('2100-01-01', null, 100);
    expect(left.map(({ recordId, userDocumentId }) => [recordId, userDocumentId])).toEqual([
      ['living', 'user2'],
      ['other', null],
      ['later', null],
    ]);
    // After the naming, an erasure by number removes records immediately.
    expect(await store.erase({ formerUserId: 8, conversationId: null, before: new Date(someNoon + 5) })).toBe(
      1,
    );
  });

  it('restores archives of that version, and names records that have turns', async () => {
    await create([]);
    const store = open();
    await nameAll(store, { turns: new Map() });
    const lines = [
      toLine(record({ recordId: 'known', formerUserId: 7 })),
      toLine(
        record({
          recordId: 'unknown',
          conversationId: 'session-2',
          formerUserId: 7,
          createdAt: new Date(someNoon + 1),
        }),
      ),
      toLine(record({ recordId: 'erased', conversationId: 'session-3', formerUserId: 7 })),
    ].map((line) => {
      const { user_document_id: _user, ...rest } = JSON.parse(line) as Record<string, unknown>;
      return JSON.stringify(rest);
    });
    await store.erase({ userDocumentId: 'user1', conversationId: 'session-3', before: new Date() });
    expect(await store.restore(lines.map(fromLine))).toBe(3);
    expect(await store.listConversations('everybody', firstPage)).toEqual([]);
    const turns = new Map([
      ['known', 'user1'],
      ['erased', 'user1'],
    ]);
    await nameAll(store, { turns });
    expect(await store.listConversations('everybody', firstPage)).toMatchObject([
      { conversationId: 'session-1', userDocumentId: 'user1', records: 1 },
    ]);
    expect(await store.listFormerUsers()).toMatchObject([{ formerUserId: 7, records: 1 }]);
    const [bucket] = await store.listBuckets('everybody', ...allTime);
    expect(bucket?.records).toBe(2);
  });

  it('can be pruned during the naming, with its sums', async () => {
    await create(records);
    const store = open();
    await namingOf(store, { turns: turnsOf(records) }).nameSome();
    const removed = await store.prune('2025-01-14', new AbortController().signal);
    const left = records.filter(({ createdAt }) => createdAt >= new Date('2025-01-14'));
    expect(removed).toBe(records.length - left.length);
    await nameAll(store, { turns: turnsOf(records) });
    await expectExactly(store, left);
  });

  it('keeps one identity for good', async () => {
    await create([]);
    const [one, other] = [open(), open()];
    const [first, second] = await Promise.all([one.identity(), other.identity()]);
    expect(first).toMatch(/^[0-9a-f]{24}$/u);
    expect(second).toBe(first);
    expect(await open().identity()).toBe(first);
  });
});
