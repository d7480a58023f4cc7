import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';

import { password } from '../support/admin';
import { startApp, type App } from '../support/app';
import { readStream, textOf, type Client } from '../support/client';
import { database } from '../support/database';
import { createGate } from '../support/gate';
import { until } from '../support/until';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  const env = { CHAT_CHECKPOINT_SECONDS: '0.05', DATABASE_SQLITE_BUSY_TIMEOUT_MS: '300' };
  app = await startApp({ env });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

/**
 * Makes the database unavailable, as a restart or a mistake of the operator would.
 * @returns a function that makes it available again
 */
async function takeDatabaseAway(): Promise<() => Promise<void>> {
  if (database === 'postgres') return app.database.refuseConnections();
  // SQLite has no server to stop, so the test process holds the write lock.
  const lock = app.database.connect();
  await lock.raw('begin immediate');
  return async () => {
    await lock.raw('rollback');
    await lock.destroy();
  };
}

describe('while the database is unavailable', () => {
  it('a question returns 503 with Retry-After instead of 401, and is not sent to Dify', async () => {
    const asked = app.dify.requests.length;
    const bringBack = await takeDatabaseAway();
    const reply = await user.ask({ character_id: characterId, query: 'Anybody there?' });
    const list = await user.myList();
    await bringBack();

    expect([reply.status, reply.body.error.details.code]).toEqual([503, 'database-unavailable']);
    expect(reply.headers.get('retry-after')).toBe('5');
    // SQLite still reads while another process holds the write lock.
    expect(list.status).toBe(database === 'sqlite' ? 200 : 503);
    expect(app.dify.requests).toHaveLength(asked);
    expect((await user.ask({ character_id: characterId, query: 'And now?' })).status).toBe(200);
  });

  it("Strapi's own routes return 503 with Retry-After, too", async () => {
    const { username } = user.user;
    const account = { username: 'late', email: 'late@example.com', password };
    const bringBack = await takeDatabaseAway();
    const replies = await Promise.all([
      app.anonymous.post('/api/auth/local', { identifier: username, password }),
      app.anonymous.post('/api/auth/local/register', account),
      // SQLite still reads while another process holds the write lock.
      ...(database === 'sqlite' ? [] : [user.get('/api/users/me')]),
    ]);
    await bringBack();

    for (const { status, headers, body } of replies) {
      expect([status, body?.error?.details?.code]).toEqual([503, 'database-unavailable']);
      expect(headers.get('retry-after')).toBe('5');
    }
    expect((await app.anonymous.post('/api/auth/local/register', account)).status).toBe(200);
  });

  it('the login of administrators and its forgotten password return 503 with Retry-After, too', async () => {
    const admin = { email: 'admin@example.com', password };
    const reset = { resetPasswordToken: 'unknown', password };
    const bringBack = await takeDatabaseAway();
    const replies = await Promise.all([
      app.anonymous.post('/admin/login', admin),
      // SQLite still reads while another process holds the write lock.
      ...(database === 'sqlite'
        ? []
        : [
            app.anonymous.post('/admin/forgot-password', admin),
            app.anonymous.post('/admin/reset-password', reset),
            app.anonymous.get('/admin/registration-info?registrationToken=unknown'),
          ]),
    ]);
    if (database === 'sqlite') await app.anonymous.post('/admin/forgot-password', admin);
    await bringBack();

    for (const { status, headers, body } of replies) {
      expect([status, body?.error?.details?.code]).toEqual([503, 'database-unavailable']);
      expect(headers.get('retry-after')).toBe('5');
    }
    expect((await app.anonymous.post('/admin/login', admin)).status).toBe(200);
  });

  it('the history returns 503 with Retry-After to administrators', async () => {
    // SQLite still reads while another process holds the write lock.
    if (database === 'sqlite') return;
    const { client } = app.admin;
    const paths = ['conversations', 'conversations/some-id', 'stats'].map((name) => `/admin/history/${name}`);
    const bringBack = await takeDatabaseAway();
    const replies = await Promise.all(paths.map((path) => client.get(path)));
    await bringBack();

    for (const { status, headers, body } of replies) {
      expect([status, body?.error?.details?.code]).toEqual([503, 'database-unavailable']);
      expect(headers.get('retry-after')).toBe('5');
    }
    expect((await client.get('/admin/history/stats')).status).toBe(200);
  });

  it('a running turn continues, and its end is saved when the database is available again', async () => {
    const { opened: finished, open: finish } = createGate();
    app.dify.script(async (reply) => {
      await reply.say('before');
      await finished;
      await reply.say(' and during');
      await reply.end();
    });
    const { events } = await user.stream({ character_id: characterId, query: 'Go on' });
    const seen = [(await events.next()).value, (await events.next()).value];
    const bringBack = await takeDatabaseAway();
    finish();
    seen.push((await events.next()).value);
    await bringBack();
    const all = [...seen, ...(await readStream(events))].filter((event) => event !== undefined);

    expect(textOf(all)).toBe('before and during');
    expect(all.at(-1)?.data).toMatchObject({ event: 'message_end', outcome: 'completed' });
    const row = await app.db('chat_conversations').where({ query: 'Go on', role: 'assistant' }).first();
    expect(row).toMatchObject({ outcome: 'completed', answer: 'before and during' });
  });

  it('many connections that break together do not crash the process or log users out', async () => {
    // SQLite has no network connections that can break.
    if (database === 'sqlite') return;
    const statuses = new Set<number>();
    let isOver = false;
    const asking = Array.from({ length: 10 }, async () => {
      while (!isOver) statuses.add((await user.get('/api/chat-conversations/my-list')).status);
    });
    try {
      for (let outage = 0; outage < 10; outage += 1) {
        const bringBack = await app.database.refuseConnections();
        await bringBack();
        // A question on a connection that broke meanwhile returns 503, so the test asks again.
        let status = 503;
        while (status === 503) {
          ({ status } = await user.ask({ character_id: characterId, query: `After outage ${outage}` }));
        }
        expect(status).toBe(200);
      }
    } finally {
      isOver = true;
      await Promise.all(asking);
    }
    expect([...statuses].filter((status) => ![200, 503].includes(status))).toEqual([]);
  });
});

describe('a question that cannot be committed', () => {
  it('returns 503, is not saved and is not sent to Dify', async () => {
    // Only on PostgreSQL can the test make COMMIT fail after all statements have succeeded.
    if (database === 'sqlite') return;
    await app.db.raw(`
      create function refuse() returns trigger language plpgsql as $$
        begin raise exception 'refused' using errcode = '53100'; end $$;
      create constraint trigger refuse after insert on chat_conversations
        deferrable initially deferred for each row execute function refuse()`);
    const asked = app.dify.requests.length;
    const reply = await user.ask({ character_id: characterId, query: 'Commit me' });
    await app.db.raw('drop trigger refuse on chat_conversations; drop function refuse()');

    expect([reply.status, reply.body.error.details.code]).toEqual([503, 'database-unavailable']);
    expect(app.dify.requests).toHaveLength(asked);
    expect(await app.db('chat_conversations').where({ query: 'Commit me' })).toEqual([]);
  });
});

describe('a process that lacks a resource', () => {
  const ready = async () => {
    const { status, body } = await app.anonymous.get('/api/chat/ready');
    return [status, body.data.status, body.data.problem] as unknown[];
  };
  const times = (text: string) => app.output().split(text).length - 1;

  /** Waits for 503 with the problem, then lets `repair` end it and waits for 200. Expects one line in the log for each. */
  async function expectNotReady(problem: string, repair: () => Promise<unknown>): Promise<void> {
    await until(async () => (await ready())[0] === 503);
    expect(await ready()).toEqual([503, 'not-ready', problem]);
    await repair();
    await until(async () => (await ready())[0] === 200);
    expect(await ready()).toEqual([200, 'ready', null]);
    expect(times(`The server is not ready (${problem})`)).toBe(1);
    expect(times(`The server is ready again: ${problem} is over.`)).toBe(1);
  }

  it('is not ready while the file of its database is missing', async () => {
    // A PostgreSQL server has its own files.
    if (database === 'postgres') return;
    const file = app.database.env['DATABASE_FILENAME'] ?? '';
    await rename(file, `${file}.away`);
    await expectNotReady('missing-database-file', () => rename(`${file}.away`, file));
  });

  it('is not ready while it has too few file descriptors', async () => {
    // Only Linux can change the limit of a running process.
    if (process.platform !== 'linux') return;
    const limit = (max: string) => execFileSync('prlimit', [`--pid=${app.pid()}`, `--nofile=${max}:`]);
    // Again and again, because the process closes connections to the database that it no longer needs.
    await until(async () => {
      const used = new Set(readdirSync(`/proc/${app.pid()}/fd`).map(Number));
      const numbers = Array.from({ length: used.size + 4 }, (_, number) => number);
      // Below this limit, three numbers are free.
      limit(String(numbers.filter((number) => !used.has(number))[3]));
      return (await ready())[0] === 503;
    });
    await expectNotReady('too-many-open-files', async () => limit('4096'));
  });

  it('is not ready while the database has no space for a row', async () => {
    // A SQLite file that is full would need a disk of its own.
    if (database === 'sqlite') return;
    await app.db.raw(`
      create function refuse_row() returns trigger language plpgsql as $$
        begin raise exception 'refused' using errcode = '53100'; end $$;
      create trigger refuse_row before insert on chat_conversations for each row execute function refuse_row();
      create trigger refuse_row before insert or update on strapi_core_store_settings
        for each row execute function refuse_row()`);
    expect((await user.ask({ character_id: characterId, query: 'Is there room?' })).status).toBe(503);
    await expectNotReady('disk-full', () => app.db.raw('drop function refuse_row cascade'));
  });
});
