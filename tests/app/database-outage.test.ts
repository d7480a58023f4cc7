import { startApp, type App } from '../support/app';
import { readStream, textOf, type Client } from '../support/client';
import { database } from '../support/database';
import { createGate } from '../support/gate';

let app: App;
let user: Client;
let characterId: string;

beforeAll(async () => {
  app = await startApp({ env: { CHAT_CHECKPOINT_SECONDS: '0.05' } });
  user = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
});
afterAll(() => app.stop());

/** Takes the database away, as an operator's mistake or a restart of it would. @returns how to bring it back. */
async function takeDatabaseAway(): Promise<() => Promise<void>> {
  if (database === 'postgres') return app.database.refuseConnections();
  // SQLite has no server to stop: another process holds the write lock.
  const lock = app.database.connect();
  await lock.raw('begin immediate');
  return async () => {
    await lock.raw('rollback');
    await lock.destroy();
  };
}

describe('while the database is away', () => {
  it('nobody is told to log in again: 503 with Retry-After, and Dify hears of nothing', async () => {
    const asked = app.dify.requests.length;
    const bringBack = await takeDatabaseAway();
    const reply = await user.ask({ character_id: characterId, query: 'Anybody there?' });
    const list = await user.myList();
    await bringBack();

    expect([reply.status, reply.body.error.details.code]).toEqual([503, 'database-unavailable']);
    expect(reply.headers.get('retry-after')).toBe('5');
    // Reading goes on beside SQLite's one writer.
    expect(list.status).toBe(database === 'sqlite' ? 200 : 503);
    expect(app.dify.requests).toHaveLength(asked);
    expect((await user.ask({ character_id: characterId, query: 'And now?' })).status).toBe(200);
  });

  it('administrators are told so by the history', async () => {
    // Reading goes on beside SQLite's one writer.
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

  it('a turn that streams already goes on, and its end is saved when the database is back', async () => {
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

  it('many connections that break at once end no process, and log nobody out', async () => {
    // SQLite has no connections that break.
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
        // Who comes too soon, on a connection that broke meanwhile, is told to come again.
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
  it('is told as an error, is not in the list, and Dify hears nothing of it', async () => {
    // PostgreSQL can be made to fail at COMMIT, when every statement has gone well.
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
