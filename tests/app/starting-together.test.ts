import { startApp, type App } from '../support/app';
import { database } from '../support/database';
import { until } from '../support/until';

// SQLite is meant for one process.
const onPostgres = database === 'postgres' ? describe : describe.skip;

onPostgres('processes that start together', () => {
  let app: App;
  beforeAll(async () => {
    app = await startApp();
  });
  afterAll(() => app.stop());

  /** Ends the process and empties the database, like before the first start. */
  async function empty(): Promise<void> {
    await app.signal('SIGTERM');
    await app.db.raw('drop schema public cascade');
    await app.db.raw('create schema public');
  }

  it('create the tables of an empty database once, and all of them serve requests', async () => {
    await empty();
    const [, second, third] = await Promise.all([app.restart(), app.startAnother(), app.startAnother()]);
    const urls = [app.url, second, third];
    const replies = await Promise.all(urls.map((url) => fetch(`${url}/api/chat/ready`)));
    expect(replies.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  it('release the lock of the start', async () => {
    const sessions = () => app.db('pg_stat_activity').where({ application_name: 'character-chat start' });
    await until(async () => (await sessions()).length === 0);
  });

  it('open no more connections than PostgreSQL allows, and log a warning', async () => {
    const { rows } = await app.db.raw('show max_connections');
    const wanted = String(Number(rows[0].max_connections) + 1);
    const url = await app.startAnother({ SQL_MAX_IDLE_CONNS: '2', SQL_MAX_OPEN_CONNS: wanted });

    expect((await fetch(`${url}/api/chat/ready`)).status).toBe(200);
    const [, allowed, own] =
      /allow \d+ connections to PostgreSQL, but the server allows (\d+)\. .* at most (\d+)\. Lower/u.exec(
        app.output(),
      ) ?? [];
    expect(Number(own)).toBe(Math.floor(Number(allowed) / 2));
    expect(app.output().split('connections to PostgreSQL, but')).toHaveLength(2);
  });
});
