import { Unavailable } from '../../../src/history/model/unavailable';
import type { Erasure } from '../../../src/history/model/store';
import { createNaming } from '../../../src/history/naming/naming';
import { thrown } from '../../chat/support/collect';
import { ada, bob, recordingLog, users } from '../../chat/support/fixtures';
import { historyRecord } from '../support/history-records';
import { createHistoryStoreInMemory } from '../support/history-store-in-memory';
import { createMemoryHistorySource } from '../support/memory-history-source';

function create(count: number) {
  const records = Array.from({ length: count }, (_, index) =>
    historyRecord({ recordId: `turn-${index}`, userDocumentId: null, formerUserId: 7 }),
  );
  const store = createHistoryStoreInMemory(records);
  const source = createMemoryHistorySource();
  const log = recordingLog();
  return { store, source, log, naming: createNaming({ store, source, users, log }) };
}

async function nameAll(naming: { nameSome(): Promise<boolean> }): Promise<void> {
  while (await naming.nameSome());
}

describe('createNaming for records of an older version', () => {
  it('takes the users from the turns in the main database', async () => {
    const { store, source, log, naming } = create(5);
    for (const [index, { documentId }] of [ada, bob, ada, bob, ada].entries())
      source.turnOwners.set(`turn-${index}`, documentId);
    await nameAll(naming);
    expect(store.records.map(({ userDocumentId }) => userDocumentId)).toEqual(
      [ada, bob, ada, bob, ada].map(({ documentId }) => documentId),
    );
    expect(log.lines).toEqual([
      'info The history names users by number. Looking up their documentIds.',
      'info The history names users by documentId: looked for 5 records.',
    ]);
  });

  it('warns once about records without a user, and names the command that lists them', async () => {
    const { store, source, log, naming } = create(3);
    source.turnOwners.set('turn-1', ada.documentId);
    await nameAll(naming);
    await nameAll(naming);
    expect(await store.listConversations('everybody', { limit: 10, offset: 0, after: null })).toHaveLength(1);
    expect(log.lines.slice(2)).toEqual([
      expect.stringMatching(/^warn 2 records .* No list shows them\. The command "history unassigned" /u),
    ]);
  });

  it('logs nothing when every record has a user', async () => {
    const { log, naming } = create(0);
    expect(await naming.nameSome()).toBe(false);
    expect(log.lines).toEqual([]);
  });

  it('names the database that is unavailable in its error', async () => {
    const { source, store, naming } = create(1);
    source.away = new Error('away');
    expect(await thrown(() => naming.nameSome())).toMatchObject({ side: 'main-database' });
    source.away = null;
    store.match = () => Promise.reject(new Error('away'));
    const error = await thrown(() => naming.nameSome());
    expect([error instanceof Unavailable, (error as Unavailable).side]).toEqual([true, 'history']);
  });
});

it('createNaming assigns former erasures of conversations to the users of their sessions', async () => {
  const { store, source, naming } = create(0);
  const before = new Date();
  const former = Array.from({ length: 450 }, (_, index) => ({
    formerUserId: 1 + (index % 7),
    conversationId: `session-${index}`,
    before,
  }));
  const erased: Erasure[] = [];
  store.erase = async (erasure) => erased.push(erasure);
  store.listFormerErasures = async (after, limit) => {
    const start = former.findIndex(({ conversationId }) => conversationId === after?.conversationId) + 1;
    return former.slice(start, start + limit);
  };
  source.sessionOwners.set('session-3', ada.documentId);
  source.sessionOwners.set('session-449', bob.documentId);
  await naming.nameErasures();
  expect(erased).toEqual([
    { userDocumentId: ada.documentId, conversationId: 'session-3', before },
    { userDocumentId: bob.documentId, conversationId: 'session-449', before },
  ]);
});
