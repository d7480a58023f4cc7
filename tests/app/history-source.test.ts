import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Core } from '@strapi/strapi';
import type { Knex } from 'knex';

import type { FinishedTurn } from '../../src/history';
import { createErasureTable } from '../../src/database/history/erasures';
import { createHistorySource, type HistorySourceOptions } from '../../src/database/history/source';
import { createSurvey, type SurveyMark, type SurveyMemory } from '../../src/database/history/survey';
import { createTurnStore } from '../../src/database/turns/store';
import { ending } from '../chat/support/fixtures';
import { startApp, type App } from '../support/app';
import { readStream, type Client } from '../support/client';
import { toStrapiDatabase } from '../support/strapi-database';
import { until } from '../support/until';

type Database = Core.Strapi['db'];

let app: App;
let characterId: string;
let connections: Knex[];

beforeAll(async () => {
  // The DSN is invalid, so the application has no history. Only these tests claim turns that are due.
  app = await startApp({ env: { MES_SQL_DSN: 'nowhere' } });
  characterId = (await app.admin.createCharacter({ name: 'Ada' })).documentId;
  connections = Array.from({ length: 4 }, () => app.database.connect());
});
afterAll(async () => {
  for (const connection of connections) await connection.destroy();
  await app.stop();
});

/** Removes due turns and erasures of earlier tests. */
beforeEach(async () => {
  await app.db('chat_conversations').update({ history_due: null });
  await app.db('chat_history_erasures').delete();
});

/** Returns one Strapi database per connection, because each of several processes has its own. */
const databases = (): Database[] => connections.map(toStrapiDatabase);

const sources = (options?: HistorySourceOptions) =>
  databases().map((db) => createHistorySource(db, createSurvey(db, memoryOf()), options)) as [
    HistorySource,
    HistorySource,
  ];
type HistorySource = ReturnType<typeof createHistorySource>;

/** Keeps the mark of a survey in memory, where the test can read it. */
function memoryOf(mark?: SurveyMark): SurveyMemory & { mark: SurveyMark | undefined } {
  const memory = {
    mark,
    read: async () => memory.mark ?? null,
    async write(written: SurveyMark) {
      memory.mark = written;
    },
  };
  return memory;
}

async function ask(user: Client, query = 'How is the sea?'): Promise<{ turnId: string; sessionId: string }> {
  const [, answer] = (await user.ask({ character_id: characterId, query })).body.data;
  return {
    turnId: answer.turn_id ?? (await answerOf(answer.message_id)).turn_id,
    sessionId: answer.session_id,
  };
}

const answerOf = (messageId: string) => app.db('chat_conversations').where({ message_id: messageId }).first();
const rowsOf = (turnId: string) => app.db('chat_conversations').where({ turn_id: turnId }).orderBy('id');

/** Inserts answers that are due for the history. @returns their turn ids, the oldest first */
async function insertDue(user: Client, count: number): Promise<string[]> {
  const start = Date.now() - 1_000_000;
  const ids = Array.from({ length: count }, () => randomUUID());
  const rows = ids.map((turnId, index) => {
    const time = new Date(start + index);
    return {
      document_id: randomUUID().replaceAll('-', '').slice(0, 24),
      message_id: `msg_${turnId}`,
      turn_id: turnId,
      role: 'assistant',
      query: 'Q',
      answer: `A ${index}`,
      outcome: 'completed',
      user_id: user.user.id,
      is_deleted: false,
      created_at: time,
      updated_at: time,
      ended_at: time,
      history_due: time,
    };
  });
  await app.db.batchInsert('chat_conversations', rows, 50);
  return ids;
}

const nameOf = (user: object) => ('userDocumentId' in user ? user.userDocumentId : undefined);

const idsOf = (turns: readonly FinishedTurn[]) => turns.map(({ turnId }) => turnId);

describe('a claim', () => {
  it('has the requested number of turns, even if a due turn has no user', async () => {
    const user = await app.createUser();
    const ids = await insertDue(user, 10);
    await app.db('chat_conversations').where({ turn_id: ids[3] }).update({ user_id: null });
    const [source] = sources();
    expect(idsOf(await source.claimSome(8))).toEqual(ids.filter((_id, index) => index !== 3 && index < 9));
    expect(await source.claimSome(8)).toHaveLength(1);
  });

  it('has the original question, even if its user has deleted it', async () => {
    const user = await app.createUser();
    const { turnId } = await ask(user, 'What was that?');
    const [question] = await rowsOf(turnId);
    expect((await user.request('DELETE', `/api/chat/messages/${question.id}`)).status).toBe(200);
    const [source] = sources();
    expect(await source.claimSome(8)).toMatchObject([{ turnId, query: 'What was that?' }]);
  });
});

describe('the end of a turn', () => {
  it('makes its answer due for the history, and nothing else does', async () => {
    const user = await app.createUser();
    app.dify.script(async (reply) => {
      await reply.say('one');
      expect(await app.db('chat_conversations').whereNotNull('history_due')).toEqual([]);
      await reply.end();
    });
    const before = Date.now();
    const { turnId } = await ask(user);
    const [question, answer] = await rowsOf(turnId);
    expect([question.history_due, question.ended_at]).toEqual([null, null]);
    expect(new Date(answer.history_due)).toEqual(new Date(answer.ended_at));
    expect(new Date(answer.ended_at).getTime()).toBeGreaterThanOrEqual(before);
    await user.post('/api/chat/message', { session_id: question.session_id, content: 'A line' });
    expect(await app.db('chat_conversations').whereNotNull('history_due')).toHaveLength(1);
  });

  it('is final, so a later end does not make the turn due again', async () => {
    const user = await app.createUser();
    const { turnId } = await ask(user);
    const [source] = sources();
    await source.settle([turnId], 'store');
    const before = await rowsOf(turnId);
    const late = ending({ answer: 'Another one', messageId: undefined, conversationId: undefined });
    await createTurnStore(databases()[0] as Database).close(turnId, late);
    const columns = ({ answer, history_due, ended_at }: Record<string, unknown>) => [
      answer,
      history_due,
      ended_at,
    ];
    expect((await rowsOf(turnId)).map(columns)).toEqual(before.map(columns));
    expect((await source.backlog()).turns).toBe(0);
  });

  it('is claimed with all its data', async () => {
    const user = await app.createUser();
    const { turnId, sessionId } = await ask(user, 'Whole, 大海');
    const [row] = (await rowsOf(turnId)).filter(({ role }) => role === 'assistant');
    const session = await app.db('chat_sessions').where({ id: row.session_id }).first();
    expect(await sources()[0].claimSome(10)).toEqual([
      {
        turnId,
        sessionId: sessionId ?? session.session_id,
        userDocumentId: user.user.documentId,
        characterId,
        query: 'Whole, 大海',
        answer: row.answer,
        outcome: 'completed',
        errorCode: null,
        usage: expect.objectContaining({ total_tokens: expect.any(Number), currency: 'USD' }),
        model: null,
        firstTokenMs: row.first_token_ms,
        createdAt: new Date(row.created_at),
        endedAt: new Date(row.ended_at),
      },
    ]);
  });

  it('makes a failed, stopped or interrupted answer due, too', async () => {
    const user = await app.createUser();
    app.dify.next({ name: 'refuse', code: 'invalid_param', status: 400, message: 'no' });
    await user.ask({ character_id: characterId, query: 'failed' });
    app.dify.script(async (reply) => {
      await reply.say('one');
      await reply.closed;
    });
    const stopped = await user.stream({ character_id: characterId, query: 'stopped' });
    const { turn_id: stoppedId } = (await stopped.events.next()).value?.data ?? {};
    await stopped.events.next();
    await user.post(`/api/chat-conversations/turns/${stoppedId}/stop`, {});
    await readStream(stopped.events);
    app.dify.next({ name: 'eof-after-deltas', after: 2 });
    await user.ask({ character_id: characterId, query: 'interrupted' });
    // A claim skips rows that are locked at this moment.
    const turns: FinishedTurn[] = [];
    await until(async () => turns.push(...(await sources()[0].claimSome(10))) >= 3);
    expect(turns.map(({ query, outcome, errorCode }) => [query, outcome, errorCode])).toEqual([
      ['failed', 'failed', 'upstream-rejected'],
      ['stopped', 'stopped', null],
      ['interrupted', 'interrupted', 'upstream-interrupted'],
    ]);
  });

  it('has history columns that users and API tokens cannot read or filter by', async () => {
    const user = await app.createUser();
    const { turnId } = await ask(user);
    const list = await user.myList();
    const turn = await user.get(`/api/chat-conversations/turns/${turnId}`);
    const { text } = await user.get('/api/chat/export');
    expect(list.text + turn.text + text).not.toMatch(/history_due|history_store|ended_at/u);
    for (const field of ['history_due', 'history_store', 'ended_at']) {
      expect((await user.myList(`?filters[${field}][$notNull]=true`)).status).toBe(400);
      expect((await user.myList(`?sort=${field}`)).status).toBe(400);
    }
    const token = await app.admin.client.post('/admin/api-tokens', {
      name: 'reads',
      description: '',
      type: 'read-only',
      lifespan: null,
    });
    const headers = { Authorization: `Bearer ${token.body.data.accessKey}` };
    const core = await app.anonymous.request('GET', '/api/chat-conversations', { headers });
    expect([core.status, core.body.data.length > 0]).toEqual([200, true]);
    expect(core.text).not.toMatch(/history_due|history_store|ended_at/u);
    const filtered = await app.anonymous.request(
      'GET',
      '/api/chat-conversations?filters[history_due][$notNull]=true',
      { headers },
    );
    expect(filtered.status).toBe(400);
  });
});

describe('claims', () => {
  it('give each turn to one of several processes, oldest first', async () => {
    const ids = await insertDue(await app.createUser(), 120);
    const given = await Promise.all(
      sources().map(async (source) => {
        const own: string[] = [];
        for (let turns = await source.claimSome(7); turns.length > 0; turns = await source.claimSome(7)) {
          expect(idsOf(turns)).toEqual([...idsOf(turns)].sort((a, b) => ids.indexOf(a) - ids.indexOf(b)));
          own.push(...idsOf(turns));
        }
        return own;
      }),
    );
    expect(given.flat().sort()).toEqual([...ids].sort());
  });

  it('have at most the requested number of turns', async () => {
    const ids = await insertDue(await app.createUser(), 30);
    const [source] = sources();
    expect(idsOf(await source.claimSome(10))).toEqual(ids.slice(0, 10));
    expect(idsOf(await source.claimSome(10))).toEqual(ids.slice(10, 20));
  });

  it('of a dead process go to another process when their lease ends', async () => {
    const ids = await insertDue(await app.createUser(), 3);
    const [dying, living] = sources({ leaseMs: 300 });
    expect(idsOf(await dying.claimSome(10))).toEqual(ids);
    expect(await living.claimSome(10)).toEqual([]);
    expect((await living.backlog()).turns).toBe(3);
    let again: readonly FinishedTurn[] = [];
    while (again.length === 0) {
      await pause(10);
      again = await living.claimSome(10);
    }
    expect(idsOf(again)).toEqual(ids);
    await living.settle(ids, 'store');
    // The first process runs again and releases its claims. They are already settled, so they are not due again.
    await dying.release(ids);
    expect(await living.claimSome(10)).toEqual([]);
    expect(await living.backlog()).toEqual({ turns: 0, erasures: 0, oldest: null, setAside: 0 });
  });

  it('can be released and claimed again immediately', async () => {
    const [first = '', second = ''] = await insertDue(await app.createUser(), 2);
    const [source, other] = sources();
    await source.claimSome(10);
    await source.settle([first], 'store');
    await source.release([first, second]);
    expect(idsOf(await other.claimSome(10))).toEqual([second]);
  });

  it('of turns that are set aside last longer, and the backlog counts these turns separately', async () => {
    const [first = '', second = ''] = await insertDue(await app.createUser(), 2);
    const [source, other] = sources({ leaseMs: 20, setAsideMs: 600 });
    await source.claimSome(10);
    await source.setAside(first);
    expect(await other.backlog()).toMatchObject({ turns: 1, setAside: 1 });
    const seen = new Set<string>();
    const since = Date.now();
    while (!seen.has(first)) {
      for (const id of idsOf(await other.claimSome(10))) seen.add(id);
      if (Date.now() - since < 400) expect(seen.has(first)).toBe(false);
      await pause(10);
    }
    expect(seen.has(second)).toBe(true);
  });

  it('do not change updated_at of messages', async () => {
    const { turnId } = await ask(await app.createUser());
    const before = (await rowsOf(turnId)).map(({ updated_at: updatedAt }) => updatedAt);
    const [source] = sources();
    await source.claimSome(10);
    await source.settle([turnId], 'store');
    expect((await rowsOf(turnId)).map(({ updated_at: updatedAt }) => updatedAt)).toEqual(before);
  });

  it('include a turn of a deleted session and a turn without a session or character', async () => {
    const user = await app.createUser();
    const deleted = await ask(user, 'deleted');
    const gone = await ask(user, 'gone');
    const [row] = await rowsOf(deleted.turnId);
    const { session_id: sessionId } = await app.db('chat_sessions').where({ id: row.session_id }).first();
    await user.request('DELETE', `/api/chat/sessions/${sessionId}`);
    await app
      .db('chat_conversations')
      .where({ turn_id: gone.turnId })
      .update({ session_id: null, ai_character_document_id: null });
    const turns = await sources()[0].claimSome(10);
    expect(turns.map((turn) => [turn.query, turn.sessionId, turn.characterId])).toEqual([
      ['deleted', sessionId, characterId],
      ['gone', gone.turnId, null],
    ]);
  });

  it('skip a turn without a user, which also leaves the backlog', async () => {
    const [turnId] = await insertDue(await app.createUser(), 1);
    await app.db('chat_conversations').where({ turn_id: turnId }).update({ user_id: null });
    const [source] = sources();
    expect(await source.claimSome(10)).toEqual([]);
    expect((await source.backlog()).turns).toBe(0);
  });
});

it('the backlog has the number of waiting turns and the time of the oldest', async () => {
  const [first = ''] = await insertDue(await app.createUser(), 3);
  const [row] = await rowsOf(first);
  const [source] = sources();
  const expected = { turns: 3, erasures: 0, oldest: new Date(row.ended_at), setAside: 0 };
  expect(await source.backlog()).toEqual(expected);
  await source.claimSome(2);
  expect(await source.backlog()).toEqual(expected);
});

describe('turns that a history lacks', () => {
  /** Surveys all turns in steps of ten ids. */
  async function survey(db: Database, memory: SurveyMemory, identity: string): Promise<void> {
    const { makeMissingDue } = createSurvey(db, memory, 10);
    while (await makeMissingDue(identity));
  }
  const [first, second, third] = [0, 1, 2];

  it('become due, even if they were copied to another history or ended before the first history', async () => {
    const [db = databases()[0] as Database] = databases();
    await survey(db, memoryOf(), 'here');
    await app.db('chat_conversations').update({ history_due: null });
    const ids = await insertDue(await app.createUser(), 50);
    const rows = (at: number) => app.db('chat_conversations').where({ turn_id: ids[at] });
    await app.db('chat_conversations').whereIn('turn_id', ids).update({ history_due: null });
    await app
      .db('chat_conversations')
      .whereIn('turn_id', ids.slice(20))
      .update({ history_store: 'elsewhere' });
    await rows(first).update({ outcome: 'pending' });
    await rows(second).update({ history_store: 'here' });
    await rows(third).update({ ended_at: null });
    const memory = memoryOf();
    await Promise.all(databases().map((one) => survey(one, memory, 'here')));
    const [source] = sources();
    const turns = (await source.claimSome(1_000)).filter(({ turnId }) => ids.includes(turnId));
    expect(idsOf(turns).sort()).toEqual(ids.slice(2).sort());
    const [row] = await rows(third);
    expect(turns.find(({ turnId }) => turnId === ids[third])?.endedAt).toEqual(new Date(row.updated_at));

    await source.settle(ids, 'here');
    await survey(db, memoryOf(), 'here');
    expect(await source.claimSome(100)).toEqual([]);
  });

  it('are searched only in new rows, until the history or the database is another one', async () => {
    const [db = databases()[0] as Database] = databases();
    const [old = ''] = await insertDue(await app.createUser(), 1);
    await survey(db, memoryOf(), 'here');
    const memory = memoryOf();
    await survey(db, memory, 'here');
    await app.db('chat_conversations').update({ history_due: null });
    const [added = ''] = await insertDue(await app.createUser(), 1);
    await app.db('chat_conversations').update({ history_due: null });
    const claimed = async () => {
      const ids = idsOf(await sources()[0].claimSome(1_000));
      await app.db('chat_conversations').update({ history_due: null });
      return [old, added].filter((id) => ids.includes(id));
    };

    await survey(db, memory, 'here');
    expect(await claimed()).toEqual([added]);
    await survey(db, memory, 'here');
    expect(await claimed()).toEqual([]);
    await survey(db, memory, 'another');
    expect(await claimed()).toEqual([old, added]);
    // An import brought this mark from a database that had more rows.
    const { lastId } = memory.mark ?? { lastId: 0 };
    await survey(db, memoryOf({ identity: 'here', lastId: lastId + 1 }), 'here');
    expect(await claimed()).toEqual([old, added]);
  });
});

it('findTurnOwners and findSessionOwners return the current users', async () => {
  const user = await app.createUser();
  const { turnId, sessionId } = await ask(user);
  const [orphan = ''] = await insertDue(user, 1);
  await app.db('chat_conversations').where({ turn_id: orphan }).update({ user_id: null });
  const [source] = sources();
  expect(await source.findTurnOwners([turnId, orphan, 'unknown'])).toEqual(
    new Map([[turnId, user.user.documentId]]),
  );
  expect(await source.findSessionOwners([sessionId, 'unknown'])).toEqual(
    new Map([[sessionId, user.user.documentId]]),
  );
  expect(await source.findTurnOwners([])).toEqual(new Map());
});

describe('an erasure', () => {
  const erasuresOf = (user: Client) =>
    app.db('chat_history_erasures').where({ user_document_id: user.user.documentId });

  it('is saved when a user erases all data, even if the user has none', async () => {
    const user = await app.createUser();
    await ask(user);
    const [last] = await app.db('chat_conversations').where({ user_id: user.user.id }).orderBy('id', 'desc');
    await user.request('DELETE', '/api/chat/me');
    const userDocumentId = user.user.documentId;
    const [erasure] = await sources()[0].listErasures(10);
    expect(erasure).toMatchObject({ userDocumentId, conversationId: null });
    expect(erasure?.before.getTime()).toBeGreaterThan(new Date(last.created_at).getTime());
    expect(erasure?.before.getTime()).toBeLessThan(Date.now() + 1_000);

    const quiet = await app.createUser();
    await quiet.request('DELETE', '/api/chat/me');
    expect(await erasuresOf(quiet)).toHaveLength(1);
  });

  it('covers messages of a process whose clock is ahead', async () => {
    const user = await app.createUser();
    const { turnId } = await ask(user);
    const ahead = new Date(Date.now() + 3_600_000);
    await app.db('chat_conversations').where({ turn_id: turnId }).update({ created_at: ahead });
    await user.request('DELETE', '/api/chat/me');
    const [erasure] = await sources()[0].listErasures(10);
    expect(erasure?.before.getTime()).toBeGreaterThan(ahead.getTime());
  });

  it('that cannot be saved deletes no messages', async () => {
    const user = await app.createUser();
    await ask(user);
    await app.db.schema.renameTable('chat_history_erasures', 'elsewhere');
    try {
      expect((await user.request('DELETE', '/api/chat/me')).status).toBe(500);
      expect(await app.db('chat_conversations').where({ user_id: user.user.id })).toHaveLength(2);
    } finally {
      await app.db.schema.renameTable('elsewhere', 'chat_history_erasures');
    }
  });

  it('stays when an admin deletes the user, and the deletion fails if it cannot be saved', async () => {
    const path = '/content-manager/collection-types/plugin::users-permissions.user';
    const [user, other] = [await app.createUser(), await app.createUser()];
    for (const one of [user, other]) await ask(one);
    expect((await app.admin.client.request('DELETE', `${path}/${user.user.documentId}`)).status).toBe(200);
    expect((await erasuresOf(user)).length).toBeGreaterThan(0);

    await app.db.schema.renameTable('chat_history_erasures', 'elsewhere');
    await app.admin.client.request('DELETE', `${path}/${other.user.documentId}`);
    await app.db.schema.renameTable('elsewhere', 'chat_history_erasures');
    expect(await app.db('up_users').where({ id: other.user.id })).toHaveLength(1);
    expect(await app.db('chat_conversations').where({ user_id: other.user.id })).toHaveLength(2);
  });

  it('saved several times is listed once with its latest time, and settled with those it covers', async () => {
    const note = (user_document_id: string, conversation_id: string | null, erased_before: number) =>
      app
        .db('chat_history_erasures')
        .insert({ user_id: 0, user_document_id, conversation_id, erased_before });
    for (const before of [100, 300, 200]) await note('seven', null, before);
    await note('seven', 'one', 400);
    await note('eight', null, 50);
    const [source] = sources();
    const listed = await source.listErasures(10);
    expect(
      listed.map(({ conversationId, before, ...user }) => [nameOf(user), conversationId, before.getTime()]),
    ).toEqual([
      ['seven', null, 300],
      ['seven', 'one', 400],
      ['eight', null, 50],
    ]);
    await note('seven', null, 500);
    // This settles the erasures up to the time of the row with this id. A later erasure stays.
    await source.settleErasure(listed[0]?.id ?? 0);
    const left = (await source.listErasures(10)).find(
      (erasure) => nameOf(erasure) === 'seven' && erasure.conversationId === null,
    );
    expect(left?.before.getTime()).toBe(500);
    for (const { id } of listed.slice(1)) await source.settleErasure(id);
    expect((await source.listErasures(10)).map(nameOf)).toEqual(['seven']);
    await source.settleErasure(0);
  });
});

describe('erasures that an older version saved by user id', () => {
  /** Replaces the table by that of an older version, with these rows. */
  async function noteByNumber(notes: readonly (readonly [number, number])[]): Promise<void> {
    await app.db.schema.dropTable('chat_history_erasures');
    await app.db.schema.createTable('chat_history_erasures', (table) => {
      table.increments('id');
      table.integer('user_id').notNullable();
      table.string('conversation_id', 255);
      table.bigInteger('erased_before').notNullable();
    });
    for (const [user_id, erased_before] of notes)
      await app.db('chat_history_erasures').insert({ user_id, conversation_id: null, erased_before });
  }
  const database = () =>
    Object.assign(databases()[0] as Database, { getSchemaConnection: () => app.db.schema });

  it('get the documentId of the current user, unless that user cannot have erased anything', async () => {
    const [erased, young, chatting] = [
      await app.createUser(),
      await app.createUser(),
      await app.createUser(),
    ];
    await ask(chatting);
    const later = Date.now() + 60_000;
    await noteByNumber([
      [erased.user.id, later],
      [young.user.id, Date.parse(String((young.user as { createdAt?: string }).createdAt))],
      [chatting.user.id, later],
      [1_000_000, later],
    ]);
    // Runs twice, as at two starts.
    for (let starts = 0; starts < 2; starts += 1) await createErasureTable(database());
    const listed = await sources()[0].listErasures(10);
    expect(listed.map(({ id: _id, conversationId: _c, before: _b, ...user }) => user)).toEqual([
      { userDocumentId: erased.user.documentId },
      { formerUserId: young.user.id },
      { formerUserId: chatting.user.id },
      { formerUserId: 1_000_000 },
    ]);
    for (const { id } of listed) await sources()[0].settleErasure(id);
    expect(await app.db('chat_history_erasures')).toEqual([]);
  });
});

describe('GET /api/chat/metrics', () => {
  it('returns 404 without CHAT_METRICS_TOKEN', async () => {
    const there = await app.anonymous.get('/api/chat/metrics');
    const nothing = await app.anonymous.get('/api/nothing-of-this-name');
    expect([there.status, there.text]).toEqual([404, nothing.text]);
  });

  it('returns the metrics only to clients with the token', async () => {
    const token = 'token-of-the-scraper';
    const watched = await startApp({ env: { CHAT_METRICS_TOKEN: token } });
    const get = (Authorization: string) =>
      watched.anonymous.request('GET', '/api/chat/metrics', { headers: { Authorization } });
    for (const wrong of ['', `Bearer ${token}x`, `Bearer ${token.slice(1)}`, token]) {
      expect((await get(wrong)).status).toBe(404);
    }
    const { status, headers, text } = await get(`Bearer ${token}`);
    expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain('# TYPE chat_live_turns gauge\nchat_live_turns 0\n');
    expect(text).toContain('chat_draining 0\n');
    expect(watched.output()).not.toContain(token);
    await watched.stop();
  });
});
