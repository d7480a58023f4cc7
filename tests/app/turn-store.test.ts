import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { NewTurn, TurnStore } from '../../src/chat';
import { noLock, type HolderState, type ProcessLock } from '../../src/database/locks/process-lock';
import {
  createUnneededConversations,
  noteUnneeded,
} from '../../src/database/sessions/unneeded-conversations';
import type { Reader } from '../../src/database/reader/reader';
import { createOwnDataStore } from '../../src/database/users/own-data';
import { createSessionStore } from '../../src/database/sessions/store';
import { chatNames, chatsNamed } from '../../src/database/sql/sessions-named';
import { inTransaction } from '../../src/database/sql/transaction';
import { createTurnStore } from '../../src/database/turns/store';
import { createUpstreamKeys, pruneUpstreamKeys } from '../../src/database/upstreams/keys';
import { createLoginAttempts } from '../../src/database/upstreams/login-attempts';
import { ada, bob, ending, newSession, newThread, newTurn } from '../chat/support/fixtures';
import { itKeepsLoginAttempts } from '../chat/support/login-attempts-contract';
import { itKeepsTurns } from '../chat/support/turn-store-contract';
import { holdsWithin } from '../support/until';
import { startApp, type App } from '../support/app';
import { database } from '../support/database';
import { toStrapiDatabase } from '../support/strapi-database';
import { untilSessionIsWaitedFor } from '../support/waiting-for-lock';

let app: App;
let connection: Knex;
let db: Core.Strapi['db'];

beforeAll(async () => {
  // This DSN names no database, so that nothing except the tests changes the rows.
  app = await startApp({ env: { MES_SQL_DSN: 'nowhere' } });
  connection = app.database.connect();
  db = toStrapiDatabase(connection);
  for (const { id, documentId } of [ada, bob]) {
    await app.createUser();
    await connection('up_users').where({ id }).update({ document_id: documentId });
  }
});
afterAll(async () => {
  await connection.destroy();
  await app.stop();
});
afterEach(() => {
  connection.removeAllListeners('query');
  jest.restoreAllMocks();
});

// SQLite has one writer at a time, so all writers wait for each other.
const onPostgres = database === 'postgres' ? it : it.skip;

/** Breaks the connection after each commit of new sessions. @returns a function that counts the breaks. */
function breakAfterWriting(): () => number {
  const { client } = connection;
  const query: (connection: unknown, query: { sql: string }) => Promise<unknown> = client.query;
  let broken = 0;
  let [isOpen, isWritten] = [false, false];
  jest.spyOn(client, 'query').mockImplementation(async (on, said) => {
    const { sql } = said as { sql: string };
    if (/^begin/iu.test(sql)) isOpen = true;
    const result = await query.call(client, on, said as { sql: string });
    if (/^(commit|rollback)/iu.test(sql)) isOpen = false;
    if (/insert into chat_sessions/iu.test(sql)) isWritten = true;
    if (!isWritten || isOpen) return result;
    isWritten = false;
    broken += 1;
    throw Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' });
  });
  return () => broken;
}

/** Starts to count commits. @returns a function that returns the number so far. */
function countCommits(): () => number {
  let commits = 0;
  connection.on('query', ({ sql }: { sql: string }) => {
    if (/^commit\b/iu.test(sql)) commits += 1;
  });
  return () => commits;
}

async function createEmptyStore() {
  await connection('chat_conversations').delete();
  await connection('chat_sessions').delete();
  return {
    ...createTurnStore(db),
    async silence(turnId: string, ms: number) {
      const aliveAt = new Date(Date.now() - ms);
      await connection('chat_conversations').where({ turn_id: turnId, role: 'assistant' }).update({
        alive_at: aliveAt,
        updated_at: aliveAt,
      });
    },
    async deleteAnswer(turnId: string) {
      await connection('chat_conversations').where({ turn_id: turnId, role: 'assistant' }).delete();
    },
  };
}

describe("TurnStore on Strapi's database", () => {
  itKeepsTurns(createEmptyStore);
});

describe('checkpoints of many turns at the same time', () => {
  const turnIds = Array.from({ length: 20 }, (_, index) => `turn-${index}`);
  let store: Awaited<ReturnType<typeof createEmptyStore>>;

  beforeEach(async () => {
    store = await createEmptyStore();
    for (const turnId of turnIds) {
      await store.open(
        newTurn({
          turnId,
          session: newSession(`session-${turnId}`),
          questionMessageId: `question-${turnId}`,
          answerMessageId: `answer-${turnId}`,
        }),
      );
    }
  });

  const progressOf = (turnId: string) => ({
    answer: `Text of ${turnId}`,
    taskId: `task-${turnId}`,
    messageId: `message-${turnId}`,
    conversationId: `conversation-${turnId}`,
    lastEventId: 2,
    isTakenBack: false,
  });
  const saved = async (turnId: string) => (await store.find(ada, turnId))?.[1];

  it('are saved in one transaction, each with its own text', async () => {
    const commits = countCommits();
    await Promise.all(turnIds.map((turnId) => store.checkpoint(turnId, progressOf(turnId))));
    expect(commits()).toBe(1);
    for (const turnId of turnIds) {
      const { answer, messageId, conversationId } = progressOf(turnId);
      expect(await saved(turnId)).toMatchObject({ answer, messageId, conversationId, outcome: 'pending' });
    }
  });

  it('are all saved, although only one of them can have the shared message id', async () => {
    const ids = (turnId: string) => ({ ...progressOf(turnId), messageId: 'message-of-all' });
    await Promise.all(turnIds.map((turnId) => store.checkpoint(turnId, ids(turnId))));
    const answers = await Promise.all(turnIds.map(saved));
    expect(answers.map((answer) => answer?.answer)).toEqual(
      turnIds.map((turnId) => progressOf(turnId).answer),
    );
    expect(answers.filter((answer) => answer?.messageId === 'message-of-all')).toHaveLength(1);
  });

  it('set the conversation id of each session', async () => {
    await Promise.all(turnIds.map((turnId) => store.identify(turnId, `conversation-${turnId}`)));
    for (const turnId of turnIds) {
      expect(await store.findSession(ada, { conversationId: `conversation-${turnId}` })).toMatchObject({
        sessionId: `session-${turnId}`,
      });
    }
  });

  it('are saved in one transaction, although another turn already has their message id', async () => {
    const [first = '', ...others] = turnIds;
    await store.checkpoint(first, progressOf(first));
    const commits = countCommits();
    const { messageId } = progressOf(first);
    await Promise.all(others.map((turnId) => store.checkpoint(turnId, { ...progressOf(turnId), messageId })));
    expect(commits()).toBe(1);
    for (const turnId of others) {
      expect(await saved(turnId)).toMatchObject({
        answer: `Text of ${turnId}`,
        messageId: `answer-${turnId}`,
      });
    }
  });

  onPostgres('wait only for the row that another transaction writes, and none is lost', async () => {
    const [held = '', ...others] = turnIds;
    const holder = app.database.connect();
    const holding = await holder.transaction();
    await holding('chat_conversations').where({ turn_id: held }).update({ updated_at: new Date() });
    const saving = Promise.all(turnIds.map((turnId) => store.checkpoint(turnId, progressOf(turnId))));
    const isSaved = async (turnId: string) => (await saved(turnId))?.answer === progressOf(turnId).answer;
    const areSaved = async (ids: readonly string[]) => !(await Promise.all(ids.map(isSaved))).includes(false);
    expect(await holdsWithin(10_000, () => areSaved(others))).toBe(true);
    expect(await isSaved(held)).toBe(false);
    await holding.commit();
    await saving;
    expect(await isSaved(held)).toBe(true);
    await holder.destroy();
  });
});

describe('many turns at the same time', () => {
  const turnIds = Array.from({ length: 20 }, (_, index) => `turn-${index}`);
  let store: Awaited<ReturnType<typeof createEmptyStore>>;

  beforeEach(async () => {
    store = await createEmptyStore();
  });

  const turnOf = (turnId: string, changes: Partial<NewTurn> = {}) =>
    newTurn({
      turnId,
      session: newSession(`session-${turnId}`),
      questionMessageId: `question-${turnId}`,
      answerMessageId: `answer-${turnId}`,
      query: `Question of ${turnId}`,
      ...changes,
    });

  it('begin in one transaction, each in its own session', async () => {
    const commits = countCommits();
    await Promise.all(turnIds.map((turnId) => store.open(turnOf(turnId))));
    expect(commits()).toBe(1);
    for (const turnId of turnIds) {
      const session = { sessionId: `session-${turnId}` };
      expect(await store.findSession(ada, session)).toMatchObject(session);
      expect(await store.find(ada, turnId)).toMatchObject([
        { query: `Question of ${turnId}`, ...session },
        { messageId: `answer-${turnId}`, outcome: 'pending', ...session },
      ]);
    }
  });

  it('begin once, although the connection breaks before it confirms the commit', async () => {
    const broken = breakAfterWriting();
    expect(await Promise.all(turnIds.map((turnId) => store.open(turnOf(turnId))))).not.toContain(false);
    expect(await store.open(turnOf('alone'))).toBe(true);
    expect(broken()).toBe(2);
    expect(await connection('chat_conversations').where({ role: 'user' })).toHaveLength(turnIds.length + 1);
  });

  it('begin except in a busy session, whose turn is rejected and saves nothing', async () => {
    await store.open(turnOf('living'));
    const session = await store.findSession(ada, { sessionId: 'session-living' });
    if (session === null) throw new Error('The session is gone.');
    const results = await Promise.allSettled([
      ...turnIds.map((turnId) => store.open(turnOf(turnId))),
      store.open(turnOf('late', { session })),
    ]);
    expect(results.map(({ status }) => status)).toEqual([...turnIds.map(() => 'fulfilled'), 'rejected']);
    expect(results.at(-1)).toMatchObject({ reason: { code: 'turn-in-progress' } });
    expect(await store.find(ada, 'late')).toBeNull();
  });

  it('end in one transaction, each with its own outcome', async () => {
    await Promise.all(turnIds.map((turnId) => store.open(turnOf(turnId))));
    const commits = countCommits();
    const outcomeOf = (index: number) => (index % 2 === 0 ? 'completed' : 'stopped');
    const saved = await Promise.all(
      turnIds.map((turnId, index) =>
        store.close(
          turnId,
          ending({
            answer: `Answer of ${turnId}`,
            messageId: `message-${turnId}`,
            conversationId: `conversation-${turnId}`,
            outcome: outcomeOf(index),
            usage: index % 3 === 0 ? null : { total_tokens: index },
          }),
        ),
      ),
    );
    expect(commits()).toBe(1);
    for (const [index, turnId] of turnIds.entries()) {
      expect(saved[index]).toEqual(await store.find(ada, turnId));
      expect(saved[index]?.[1]).toMatchObject({
        answer: `Answer of ${turnId}`,
        messageId: `message-${turnId}`,
        outcome: outcomeOf(index),
        usage: index % 3 === 0 ? null : { total_tokens: index },
      });
      expect(await store.findSession(ada, { conversationId: `conversation-${turnId}` })).not.toBeNull();
    }
  });

  // The test deletes the session like `deleteSession` in another process.
  onPostgres.each([
    ['an end', (store: TurnStore) => store.close('turn-1', ending())],
    ['an identification', (store: TurnStore) => store.identify('turn-1', 'conversation-1')],
  ])('let %s wait for the deletion of its session, and both succeed', async (_name, write) => {
    await store.open(newTurn());
    const holder = app.database.connect();
    const deleting = await holder.transaction();
    await deleting('chat_sessions').where({ session_id: 'session-1' }).update({ is_deleted: true });
    const writing = write(store);
    await untilSessionIsWaitedFor(holder);
    await deleting('chat_conversations').where({ turn_id: 'turn-1' }).update({ is_deleted: true });
    await deleting.commit();
    await writing;
    await holder.destroy();
  });
});

describe('turns of other processes', () => {
  const states: Record<string, HolderState> = {};
  let named: readonly string[] = [];
  /** Creates a lock with this name. Each test sets the states of other processes. */
  const lockOf = (name: string | null): ProcessLock => ({
    ...noLock,
    holder: () => name,
    inspect: async (holders) => new Map(holders.map((holder) => [holder, states[holder] ?? 'unknown'])),
    tidy: async (findNamed) => {
      named = await findNamed();
    },
  });
  const storeOf = (name: string | null) => createTurnStore(db, lockOf(name));
  const onlyDead = { leaseMs: null, isStart: false };
  const start = { leaseMs: 60_000, isStart: true };
  const later = { leaseMs: 60_000, isStart: false };
  const row = async (turnId: string) =>
    connection('chat_conversations').where({ turn_id: turnId, role: 'assistant' }).first();
  let empty: Awaited<ReturnType<typeof createEmptyStore>>;
  let dead: TurnStore;
  let ours: TurnStore;

  beforeEach(async () => {
    empty = await createEmptyStore();
    [dead, ours] = [storeOf('dead'), storeOf('ours')];
    for (const holder of Object.keys(states)) delete states[holder];
    named = [];
  });

  it('have the name of their process in the row of the answer only while they run', async () => {
    await dead.open(newTurn());
    const question = await connection('chat_conversations').where({ role: 'user' }).first();
    expect([(await row('turn-1')).held_by, question.held_by, question.alive_at]).toEqual([
      'dead',
      null,
      null,
    ]);
    expect((await row('turn-1')).alive_at).not.toBeNull();
    await dead.close('turn-1', ending());
    expect(await row('turn-1')).toMatchObject({ held_by: null, alive_at: null });
  });

  it('are taken over immediately and once from a dead process, but not from a living or unknown one', async () => {
    for (const name of ['dead', 'living', 'unknown']) {
      const ids = { turnId: name, questionMessageId: `question ${name}`, answerMessageId: `answer ${name}` };
      await storeOf(name).open(newTurn({ ...ids, session: newSession(`session ${name}`) }));
    }
    Object.assign(states, { dead: 'dead', living: 'living' });
    const claims = await Promise.all(
      [ours, storeOf('another')].map((store) => store.claimAbandoned(onlyDead)),
    );
    expect(claims.flat().map(({ turnId }) => turnId)).toEqual(['dead']);
    expect(['ours', 'another']).toContain((await row('dead')).held_by);
    const claimed = await connection('chat_sessions').whereNotNull('live_turn_id').orderBy('id');
    expect(claimed.map(({ live_turn_id: turnId }) => turnId)).toEqual(['living', 'unknown']);
    expect(named).not.toContain('dead');
  });

  it('stay with a living but silent process at a start, and are taken over later', async () => {
    await dead.open(newTurn());
    Object.assign(states, { dead: 'living' });
    await empty.silence('turn-1', 61_000);
    expect(await ours.claimAbandoned(start)).toEqual([]);
    expect(await ours.claimAbandoned(later)).toHaveLength(1);
  });

  it.each([
    ['no process has a lock', null],
    ['the state of the process is unknown', 'unknown'],
  ])('are taken over at a start after the end of their lease if %s', async (_what, name) => {
    await storeOf(name).open(newTurn());
    expect(await ours.claimAbandoned(start)).toEqual([]);
    await empty.silence('turn-1', 61_000);
    expect(await ours.claimAbandoned(start)).toHaveLength(1);
  });

  it('of an earlier release have their lease in `updated_at`', async () => {
    await storeOf(null).open(newTurn());
    await connection('chat_conversations').update({ alive_at: null });
    expect(await ours.claimAbandoned(later)).toEqual([]);
    await connection('chat_conversations').update({ updated_at: new Date(Date.now() - 61_000) });
    expect(await ours.claimAbandoned(later)).toHaveLength(1);
  });

  onPostgres('are skipped without waiting while another transaction locks their rows', async () => {
    await dead.open(newTurn());
    const second = { turnId: 'turn-2', questionMessageId: 'question 2', answerMessageId: 'answer 2' };
    await dead.open(newTurn({ ...second, session: newSession('session-2') }));
    Object.assign(states, { dead: 'dead' });
    const holder = app.database.connect();
    const holding = await holder.transaction();
    await holding('chat_conversations').where({ turn_id: 'turn-1' }).update({ answer: 'Held' });
    expect((await ours.claimAbandoned(onlyDead)).map(({ turnId }) => turnId)).toEqual(['turn-2']);
    await holding.commit();
    expect((await ours.claimAbandoned(onlyDead)).map(({ turnId }) => turnId)).toEqual(['turn-1']);
    await holder.destroy();
  });
});

describe("UnneededConversations on Strapi's database", () => {
  const rows = () => connection('chat_unneeded_conversations');
  const conversation = {
    conversationId: 'dify-conversation',
    user: `user-${ada.documentId}`,
    upstreamId: 'dify',
  };
  const owner = { id: ada.id };
  let store: TurnStore;

  beforeEach(async () => {
    await createEmptyStore();
    await rows().delete();
    store = createTurnStore(db, noLock, { deleteConversations: true });
  });
  const unneeded = () => createUnneededConversations(db);
  const deleteSession = (deleteConversations = true) =>
    createSessionStore(db, {} as Reader, { deleteConversations }).deleteSession(
      ada,
      'session-1',
      new Date(),
      'turn-1',
    );
  const session = () => connection('chat_sessions').where({ session_id: 'session-1' }).first();
  const queued = () => rows().pluck('conversation_id');

  it('gets no conversation that a session has', async () => {
    await store.open(newTurn());
    await store.identify('turn-1', conversation.conversationId);
    await unneeded().add(conversation);
    expect(await queued()).toEqual([]);
    await connection('chat_sessions').delete();
    await unneeded().add(conversation);
    await unneeded().add(conversation);
    expect(await queued()).toEqual(['dify-conversation']);
  });

  it('gets no conversation to which its session can return', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    const [row] = await connection('chat_sessions').where({ session_id: 'session-1' });
    const before = await store.findSession(ada, { sessionId: 'session-1' });
    const thread = { ...newThread(null), upstreamId: 'openai', otherThreads: { dify: 'dify-conversation' } };
    const ids = { turnId: 'turn-2', questionMessageId: 'question 2', answerMessageId: 'answer 2' };
    await store.open(newTurn({ ...ids, session: before!, thread }));
    expect(await session()).toMatchObject({ conversation_id: null, upstream: 'openai' });
    await unneeded().add(conversation);
    expect(await queued()).toEqual([]);
    await rows().insert({
      conversation_id: 'dify-conversation',
      upstream_user: conversation.user,
      due: 0,
      tries: 0,
    });
    expect(await unneeded().claim()).toBeNull();
    await connection('chat_sessions').where({ id: row.id }).update({ other_threads: null });
    expect(await unneeded().claim()).toMatchObject({ conversationId: 'dify-conversation' });
  });

  it('gets all conversations of a session that is deleted, each with its upstream', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending());
    await connection('chat_sessions').update({
      live_turn_id: 'turn-1',
      other_threads: JSON.stringify({ 'dify:shop': 'c-shop', openai: 'session-1' }),
    });
    expect(await deleteSession()).toBe(true);
    const all = await rows().orderBy('conversation_id').select('conversation_id', 'upstream');
    expect(all).toEqual([
      { conversation_id: 'c-shop', upstream: 'dify:shop' },
      { conversation_id: 'dify-conversation', upstream: 'dify' },
    ]);
  });

  it('lets those of an upstream wait that is away', async () => {
    await unneeded().add(conversation);
    await unneeded().add({ ...conversation, conversationId: 'c-shop', upstreamId: 'dify:shop' });
    expect(await unneeded().claim(['dify', 'openai'])).toMatchObject({ conversationId: 'c-shop' });
    expect(await unneeded().claim(['dify', 'openai'])).toBeNull();
    expect(await unneeded().claim()).toMatchObject({
      conversationId: 'dify-conversation',
      upstreamId: 'dify',
    });
  });

  it('gives none away that two sessions had, until the last one is erased', async () => {
    await store.open(newTurn());
    const second = { turnId: 'turn-2', questionMessageId: 'question 2', answerMessageId: 'answer 2' };
    await store.open(newTurn({ ...second, session: newSession('session-2') }));
    await connection('chat_sessions').update({ conversation_id: 'shared' });
    await connection('chat_sessions').where({ session_id: 'session-1' }).delete();
    await rows().insert({ conversation_id: 'shared', upstream_user: 'user-1', due: 0, tries: 0 });
    expect(await unneeded().claim()).toBeNull();
    await connection('chat_sessions').delete();
    expect(await unneeded().claim()).toMatchObject({ conversationId: 'shared', user: 'user-1', tries: 0 });
  });

  it('gives one to only one of two processes, and again after a pause that doubles', async () => {
    await unneeded().add(conversation);
    const claims = await Promise.all([unneeded().claim(), unneeded().claim()]);
    expect(claims.filter((claim) => claim !== null)).toEqual([
      { ...conversation, id: expect.any(Number), tries: 0 },
    ]);
    for (const [tries, pauseMs] of [
      [1, 20_000],
      [2, 40_000],
      [30, 3_600_000],
    ] as const) {
      await rows().update({ due: 0, tries });
      const before = Date.now();
      const claim = await unneeded().claim();
      expect(claim).toMatchObject({ tries });
      const [row] = await rows();
      expect(row.tries).toBe(tries + 1);
      expect(Number(row.due) - before - pauseMs).toBeGreaterThanOrEqual(0);
      expect(Number(row.due) - Date.now() - pauseMs).toBeLessThanOrEqual(0);
      expect(await unneeded().claim()).toBeNull();
    }
    await unneeded().settle((await rows().first('id')).id);
    expect(await rows()).toEqual([]);
  });

  it('gets more conversations than fit into one statement', async () => {
    const many = Array.from({ length: 1_100 }, (_, index) => ({
      conversationId: `c${index}`,
      user: 'user-1',
      upstreamId: null,
    }));
    await inTransaction(db, (trx) => noteUnneeded(db, trx, many));
    expect(await queued()).toHaveLength(1_100);
  });

  it('gets the conversation of a running answer whose session is deleted, and the session does not', async () => {
    await store.open(newTurn());
    expect(await deleteSession()).toBe(true);
    await store.checkpoint('turn-1', { ...ids, answer: 'Hel', lastEventId: 2, isTakenBack: false });
    expect(await store.identify('turn-1', conversation.conversationId)).toBe(false);
    await store.close('turn-1', ending({ ...ids, outcome: 'stopped' }));
    await store.continueIn('turn-1', conversation.conversationId);
    expect(await session()).toMatchObject({ conversation_id: null });
    await unneeded().add(conversation);
    expect(await queued()).toEqual(['dify-conversation']);
  });

  it('does not get it without the setting, because the session keeps it', async () => {
    const keeping = createTurnStore(db);
    await keeping.open(newTurn());
    expect(await deleteSession(false)).toBe(true);
    await keeping.close('turn-1', ending({ ...ids, outcome: 'stopped', conversationId: undefined }));
    await keeping.continueIn('turn-1', conversation.conversationId);
    expect(await session()).toMatchObject({ conversation_id: 'dify-conversation' });
    await unneeded().add(conversation);
    expect(await queued()).toEqual([]);
  });

  it('gets the conversation that only erased lines name', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending({ ...ids, conversationId: 'before' }));
    await connection('chat_sessions').update({ conversation_id: 'now' });
    const data = createOwnDataStore(db, {} as Reader);
    await connection('chat_conversations')
      .where({ user_id: owner.id })
      .update({ is_deleted: true, deleted_at: new Date(0) });
    expect(await data.purgeSome(new Date(), 100)).toEqual({ messages: 2, sessions: 0 });
    expect(await queued()).toEqual(['before']);
    expect(await rows().first('upstream_user')).toEqual({ upstream_user: conversation.user });
  });

  it('does not get a conversation of erased lines whose session goes on', async () => {
    await store.open(newTurn());
    await store.close('turn-1', ending(ids));
    await connection('chat_conversations').update({ is_deleted: true, deleted_at: new Date(0) });
    await createOwnDataStore(db, {} as Reader).purgeSome(new Date(), 100);
    expect(await queued()).toEqual([]);
  });
});

const ids = { taskId: 'dify-task', messageId: 'dify-message', conversationId: 'dify-conversation' };

it('saves the answer that a turn follows in its row', async () => {
  const store = await createEmptyStore();
  await store.open(newTurn());
  await store.close('turn-1', ending(ids));
  const session = await store.findSession(ada, { sessionId: 'session-1' });
  const next = { turnId: 'turn-2', questionMessageId: 'msg-question-2', answerMessageId: 'msg-answer-2' };
  const turn = newTurn({ ...next, ...(session !== null && { session }) });
  await store.open(turn);
  const saved = () =>
    connection('chat_conversations').where({ turn_id: 'turn-2' }).orderBy('id').pluck('upstream_parent_id');
  for (const [conversationId, parent] of [
    [ids.conversationId, ids.messageId],
    [null, null],
  ] as const) {
    expect(await store.saveParent(turn, conversationId)).toBe(parent);
    expect(await saved()).toEqual([null, parent]);
  }
});

describe('the name of a chat', () => {
  it('is free again after the chat is deleted, and stays with the chat that has it then', async () => {
    const store = await createEmptyStore();
    const noReader = {} as unknown as Reader;
    const sessions = createSessionStore(db, noReader, { deleteConversations: false });
    await store.open(newTurn({ session: newSession('session-1', 'my chat') }));
    await store.close('turn-1', ending());
    await sessions.deleteSession(ada, 'session-1', new Date(), null);
    expect(await sessions.findChat(ada, 'my chat')).toBeNull();

    await sessions.restoreSession(ada, 'session-1', new Date(0));
    expect(await sessions.findChat(ada, 'my chat')).toMatchObject({ sessionId: 'session-1' });
    await sessions.deleteSession(ada, 'session-1', new Date(), null);
    const ids = { turnId: 'turn-2', questionMessageId: 'msg-question-2', answerMessageId: 'msg-answer-2' };
    expect(await store.open(newTurn({ ...ids, session: newSession('session-2', 'my chat') }))).toBe(true);
    expect(await sessions.restoreSession(ada, 'session-1', new Date(0))).toBe(true);
    expect(await sessions.findChat(ada, 'my chat')).toMatchObject({ sessionId: 'session-2' });
  });

  it('is found by its index', async () => {
    if (database === 'postgres') return;
    const explain = `explain query plan select id from chat_sessions where id in (${chatsNamed})`;
    const steps: { detail: string }[] = await connection.raw(explain, chatNames('my chat', ada));
    expect(steps.map(({ detail }) => detail).join('\n')).toContain('chat_sessions_chat_name_uq');
  });
});

describe('the keys of upstreams', () => {
  const left = () => connection('chat_upstream_keys').orderBy('upstream').pluck('upstream');

  it('are pruned when no character, session, message or deletion needs them', async () => {
    const keys = createUpstreamKeys(db);
    const all = ['draft', 'published', 'now', 'other', 'message', 'deletion', 'unneeded', 'an-other'];
    for (const name of all) await keys.save(`dify:${name}`, `sealed ${name}`);
    for (const [name, at] of [
      ['draft', null],
      ['published', new Date()],
    ] as const) {
      const row = { document_id: name, name, upstream_key: `sealed ${name}`, published_at: at };
      await connection('ai_characters').insert(row);
    }
    await (await createEmptyStore()).open(newTurn());
    const threads = JSON.stringify({ 'dify:other': 'conversation' });
    await connection('chat_sessions').update({ upstream: 'dify:now', other_threads: threads });
    await connection('chat_conversations').update({ upstream: 'dify:message' });
    const due = { conversation_id: 'key', upstream_user: 'ada', due: 0, tries: 0, upstream: 'dify:deletion' };
    await connection('chat_unneeded_conversations').insert(due);

    expect(await pruneUpstreamKeys(db)).toBe(2);
    expect(await left()).toEqual([
      'dify:deletion',
      'dify:draft',
      'dify:message',
      'dify:now',
      'dify:other',
      'dify:published',
    ]);
    await connection('chat_unneeded_conversations').where({ conversation_id: 'key' }).delete();
    await connection('ai_characters').whereIn('document_id', ['draft', 'published']).delete();
    expect(await pruneUpstreamKeys(db)).toBe(3);
    expect(await left()).toEqual(['dify:message', 'dify:now', 'dify:other']);
  });

  it('are those that the published character has for a named app', async () => {
    const shop = { document_id: 'ada', name: 'Ada', upstream: 'dify', upstream_app_id: 'shop' };
    for (const [upstream_key, published_at] of [
      ['sealed draft', null],
      ['sealed published', new Date()],
    ] as const)
      await connection('ai_characters').insert({ ...shop, upstream_key, published_at });
    const keys = createUpstreamKeys(db);
    const named = { kind: 'dify', characterId: 'ada', appId: 'shop' } as const;
    expect(await keys.findPublished(named)).toBe('sealed published');
    for (const other of [{ kind: 'openai' }, { characterId: 'eve' }, { appId: 'other' }] as const)
      expect(await keys.findPublished({ ...named, ...other })).toBeNull();
    await connection('ai_characters').where({ document_id: 'ada' }).delete();
  });
});

describe('the attempts to log in to upstreams', () => {
  const rows = () => connection('chat_login_attempts');

  itKeepsLoginAttempts(async () => {
    await rows().delete();
    const passed = (ms: number) => ({
      claimed_at: connection.raw('claimed_at - ?', [ms]),
      retry_at: connection.raw('retry_at - ?', [ms]),
    });
    return {
      attempts: createLoginAttempts(db, 'secret'),
      forward: async (ms) => void (await rows().update(passed(ms))),
    };
  });

  it('name no account, and depend on the secret of the server', async () => {
    await rows().delete();
    const account = { url: 'http://dify', email: 'ann@example.org', password: 'hunter2' };
    for (const secret of ['secret', 'another'])
      expect((await createLoginAttempts(db, secret).claim(account)).state).toBe('claimed');
    const saved = await rows();
    expect(new Set(saved.map((row) => row.account)).size).toBe(2);
    expect(JSON.stringify(saved)).not.toMatch(/dify|ann@|hunter2/u);
  });
});
