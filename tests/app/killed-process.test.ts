import { rm, writeFile } from 'node:fs/promises';

import { describeOnce, scale } from '../faults/support/scale';
import { holdsWithin } from '../support/until';
import { startApp, type App } from '../support/app';
import { createClient, type Client, type Reply } from '../support/client';
import { clockAhead } from '../support/clock';
import { database } from '../support/database';
import { createGate } from '../support/gate';
import { writingStatements } from '../support/statements';

/** The lease is a minute here. A session that is free within the shorter time was not freed by its lease. */
const leaseMs = 60_000;
const wellWithinLeaseMs = leaseMs / 3;

const createMessage = '/api/chat-conversations/create-message';

const onPostgres = database === 'postgres' ? describe : describe.skip;
const onSqlite = database === 'sqlite' ? describe : describe.skip;

// Each test starts processes.
jest.setTimeout(180_000);

let app: App;
let user: Client;
let documentId: string;

async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
  app = await startApp({ env: { CHAT_CHECKPOINT_SECONDS: '0.1', ...env } });
  user = await app.createUser();
  ({ documentId } = await app.admin.createCharacter());
}

const answers = () => app.db('chat_conversations').where({ role: 'assistant' }).orderBy('id');
const answerOf = (query: string) => answers().where({ query }).first();

/** Asks a question. Dify sends the second half of the answer after `goOn`. Settles when the first half is saved. */
async function askHalf(query: string, client = user, headers: Readonly<Record<string, string>> = {}) {
  const { opened: goesOn, open: goOn } = createGate();
  app.dify.script(async (reply) => {
    await reply.say('Half ');
    await Promise.race([goesOn, reply.closed]);
    await reply.say('whole.');
    await reply.end();
  });
  const body = { data: { character_id: documentId, query } };
  const asked = client.request('POST', createMessage, { body, headers });
  asked.catch(() => undefined);
  const isSaved = async () => (await answerOf(query))?.answer === 'Half ';
  expect(await holdsWithin(20_000, isSaved)).toBe(true);
  const { turn_id: turnId, session_id: rowId } = await answerOf(query);
  const { session_id: sessionId } = await app.db('chat_sessions').where({ id: rowId }).first();
  return { asked, goOn, turnId, sessionId };
}

/** Repeats a request until the process accepts connections. @returns its first reply. */
async function firstReply(request: () => Promise<Reply>): Promise<Reply> {
  for (;;) {
    try {
      return await request();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

const inSession = (session_id: string, query = 'And now?', client = user) =>
  client.ask({ character_id: documentId, query, session_id });

const hasEnded = async (query: string) => (await answerOf(query)).outcome !== 'pending';

describe('with a lease of a minute', () => {
  beforeAll(() => start());
  afterAll(() => app.stop());
  afterEach(() => app.dify.reset());

  // On PostgreSQL, the check kills processes in `faults/processes.test.ts`.
  describeOnce('a process that is killed', () => {
    it('leaves its sessions free for the first question after the restart', async () => {
      const { sessionId, turnId } = await askHalf('Is it free?');
      await app.signal('SIGKILL');
      const restarting = app.restart();
      const { status, body } = await firstReply(() => inSession(sessionId));
      await restarting;
      expect([status, body.error]).toEqual([200, undefined]);

      expect(await holdsWithin(wellWithinLeaseMs, () => hasEnded('Is it free?'))).toBe(true);
      expect(await answerOf('Is it free?')).toMatchObject({
        turn_id: turnId,
        outcome: 'interrupted',
        error_code: 'process-died',
        answer: 'Half ',
        held_by: null,
        alive_at: null,
      });
      const lines = (await user.get(`/api/chat/sessions/${sessionId}/messages`)).body.data.items;
      expect(lines.map(({ role, content }: Record<string, string>) => [role, content])).toEqual([
        ['user', 'Is it free?'],
        ['assistant', 'Half '],
        ['user', 'And now?'],
        ['assistant', body.data[1].answer],
      ]);
      const { message_count } = (await user.get(`/aichat/sessions/${sessionId}`)).body.data;
      expect(message_count).toBe(4);
    });

    it('leaves it known that moderation has taken a text back', async () => {
      const query = 'Was it taken back?';
      const body = { model: documentId, messages: [{ role: 'user', content: query }] };
      const complete = (headers = {}) =>
        user.request('POST', '/api/openai/v1/chat/completions', { body, headers });
      app.dify.script(async (reply) => {
        await reply.say('This is forbidden');
        await reply.replace('Let us change the subject.');
        await reply.closed;
      });
      complete().catch(() => undefined);
      const isReplaced = async () => (await answerOf(query))?.answer === 'Let us change the subject.';
      expect(await holdsWithin(20_000, isReplaced)).toBe(true);
      await app.killAndRestart();

      expect(await holdsWithin(wellWithinLeaseMs, () => hasEnded(query))).toBe(true);
      expect(await answerOf(query)).toMatchObject({ outcome: 'interrupted' });
      expect(Boolean((await answerOf(query)).taken_back)).toBe(true);
    });

    it('leaves a turn that clients can follow, join by Idempotency-Key and regenerate', async () => {
      const headers = { 'Idempotency-Key': 'one' };
      const query = 'Can it be followed?';
      const { sessionId, turnId } = await askHalf(query, user, headers);
      await app.killAndRestart();
      const questions = app.dify.requests.filter(({ path }) => path.endsWith('/chat-messages')).length;
      const joining = user.request('POST', createMessage, {
        body: { data: { character_id: documentId, query } },
        headers,
      });
      const turn = `/api/chat-conversations/turns/${turnId}`;
      const seen: string[] = [];
      for await (const { event } of (await user.open('GET', `${turn}/stream`)).events) seen.push(event);
      expect(seen).toEqual(['turn_started', 'message', 'error']);
      expect((await joining).body.error.details).toMatchObject({ code: 'process-died', turn_id: turnId });
      expect(app.dify.requests.filter(({ path }) => path.endsWith('/chat-messages'))).toHaveLength(questions);

      const again = await user.post(`${turn}/regenerate`, {});
      expect([again.status, again.body.data?.[0].session_id]).toEqual([200, sessionId]);
    });
  });

  describe('two processes', () => {
    let otherUrl: string;
    let there: Client;

    beforeAll(async () => {
      otherUrl = await app.startAnother();
      there = createClient(otherUrl, user.token, user.user);
    });

    it('do not touch live turns of each other, also while one of them starts', async () => {
      const { asked, goOn } = await askHalf('Do both live?');
      const before = await answerOf('Do both live?');
      await app.signalAnother(otherUrl, 'SIGTERM');
      otherUrl = await app.startAnother();
      there = createClient(otherUrl, user.token, user.user);
      expect((await answerOf('Do both live?')).held_by).toBe(before.held_by);
      goOn();
      expect((await asked).body.data[1]).toMatchObject({ outcome: 'completed', answer: 'Half whole.' });
    });

    it('free the sessions of the killed one within seconds', async () => {
      const { sessionId } = await askHalf('Who takes over?', there);
      await app.signalAnother(otherUrl, 'SIGKILL');
      const isFree = async () => (await inSession(sessionId)).status === 200;
      expect(await holdsWithin(wellWithinLeaseMs, isFree)).toBe(true);
      expect(await holdsWithin(wellWithinLeaseMs, () => hasEnded('Who takes over?'))).toBe(true);
    });

    onPostgres('that lose their locks', () => {
      beforeAll(async () => {
        otherUrl = await app.startAnother();
        there = createClient(otherUrl, user.token, user.user);
      });

      const isLock = { application_name: 'character-chat lock' };
      const locks = () =>
        app.db('pg_stat_activity').where(isLock).whereRaw('datname = current_database()').select('pid');

      it('hold them on separate connections', async () => {
        expect(await locks()).toHaveLength(2);
      });

      it('keep their turns when the connections of the locks break again and again', async () => {
        const { asked, goOn } = await askHalf('Is it cut off?');
        const broken = new Set<number>();
        expect(
          await holdsWithin(50_000, async () => {
            for (const { pid } of await locks()) {
              await app.db.raw('select pg_terminate_backend(?)', [pid]);
              broken.add(pid);
            }
            return broken.size >= scale({ full: 20, smoke: 4 });
          }),
        ).toBe(true);
        expect(await holdsWithin(20_000, async () => (await locks()).length === 2)).toBe(true);
        expect((await answerOf('Is it cut off?')).outcome).toBe('pending');
        goOn();
        expect((await asked).body.data[1]).toMatchObject({ outcome: 'completed', answer: 'Half whole.' });
        expect((await there.ask({ character_id: documentId, query: 'Hi' })).status).toBe(200);
      });

      it('keep their turns when all processes lose the database', async () => {
        const { asked, goOn } = await askHalf('Is the database away?');
        const allow = await app.database.refuseConnections();
        // Longer than a process waits before a free lock counts as free.
        await new Promise((resolve) => setTimeout(resolve, 4_000));
        await allow();
        expect(await holdsWithin(20_000, async () => (await locks()).length === 2)).toBe(true);
        expect((await answerOf('Is the database away?')).outcome).toBe('pending');
        goOn();
        expect((await asked).body.data[1]).toMatchObject({ outcome: 'completed', answer: 'Half whole.' });
      });
    });
  });
});

/** Counts the searches of all processes for turns that were silent for too long. */
const rounds = () => app.output().split('coalesce(alive_at').length;

/** Waits for `count` more searches, because only a search can end a lease. */
async function afterRounds(count: number): Promise<void> {
  const before = rounds();
  expect(await holdsWithin(50_000, () => rounds() >= before + count)).toBe(true);
}

// Processes on one SQLite file run on one machine, with one clock.
onPostgres('processes whose clocks differ by minutes', () => {
  beforeAll(() => start({ CHAT_TURN_LEASE_SECONDS: '5', ...writingStatements }));
  afterAll(() => app.stop());

  it('do not end live turns of each other', async () => {
    const asked = [await askHalf('Here?')];
    for (const seconds of [90, -90]) {
      const there = createClient(await app.startAnother(clockAhead(seconds)), user.token, user.user);
      asked.push(await askHalf(`Where it is ${seconds} seconds later?`, there));
    }
    await afterRounds(scale({ full: 6, smoke: 2 }));
    expect(await app.db('chat_sessions').whereNotNull('live_turn_id')).toHaveLength(3);
    for (const { asked: reply, goOn } of asked) {
      goOn();
      expect((await reply).body.data[1]).toMatchObject({ outcome: 'completed', answer: 'Half whole.' });
    }
  });
});

/** Stops a process outside a transaction. A process that hangs in a transaction keeps its locks. */
async function stopBetweenStatements(pid: number): Promise<void> {
  const isInTransaction = async () =>
    database === 'postgres' &&
    (await app
      .db('pg_stat_activity')
      .whereRaw('datname = current_database() and pid <> pg_backend_pid()')
      .whereNot({ state: 'idle' })
      .first('pid')) !== undefined;
  process.kill(pid, 'SIGSTOP');
  while (await isInTransaction()) {
    process.kill(pid, 'SIGCONT');
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.kill(pid, 'SIGSTOP');
  }
}

describe('a process that hangs', () => {
  beforeAll(() => start({ CHAT_TURN_LEASE_SECONDS: '2', ...writingStatements }));
  afterAll(() => app.stop());

  it('keeps its turns until their lease ends, and then their first end counts', async () => {
    const hung = await app.startAnother();
    const { asked, goOn } = await askHalf('Does it hang?', createClient(hung, user.token, user.user));
    await stopBetweenStatements(app.pidOfAnother(hung));
    try {
      expect((await answerOf('Does it hang?')).outcome).toBe('pending');
      expect(await holdsWithin(50_000, () => hasEnded('Does it hang?'))).toBe(true);
    } finally {
      process.kill(app.pidOfAnother(hung), 'SIGCONT');
    }
    goOn();
    expect((await asked).body.error.details).toMatchObject({ code: 'process-died' });
    expect((await answerOf('Does it hang?')).outcome).toBe('interrupted');
  });
});

onSqlite('a process that can hold no lock', () => {
  beforeAll(() => start({ CHAT_TURN_LEASE_SECONDS: '2' }));
  afterAll(() => app.stop());

  it('logs it once, and relies on leases', async () => {
    const file = app.variables['DATABASE_FILENAME'] ?? '';
    await app.signal('SIGTERM');
    await rm(`${file}-processes`, { recursive: true, force: true });
    await writeFile(`${file}-processes`, 'no folder');
    await app.restart();
    expect(app.output().match(/No lock can be held beside the database: Error EEXIST/gu)).toHaveLength(1);

    const { sessionId } = await askHalf('Who knows?');
    expect((await answerOf('Who knows?')).held_by).toBeNull();
    await app.killAndRestart();
    expect(await holdsWithin(20_000, async () => (await inSession(sessionId)).status === 200)).toBe(true);
  });
});
