import { once } from 'node:events';
import net from 'node:net';
import type { Knex } from 'knex';

import { createPostgresLock } from '../../src/database/locks/postgres-lock';
import { recordingLog } from '../chat/support/fixtures';
import { holdsWithin } from '../support/until';
import { createDatabase, database, type TestDatabase } from '../support/database';
import { toStrapiDatabase } from '../support/strapi-database';

const onPostgres = database === 'postgres' ? describe : describe.skip;

onPostgres('the lock of createPostgresLock', () => {
  let test: TestDatabase;
  let connection: Knex;
  const opened: ReturnType<typeof createPostgresLock>[] = [];

  beforeAll(async () => {
    test = await createDatabase();
    connection = test.connect();
    await connection.raw(
      'create table chat_conversations (turn_id text, role text, outcome text, held_by text)',
    );
  });
  afterEach(async () => {
    for (const lock of opened.splice(0)) await lock.release();
    await connection('chat_conversations').delete();
  });
  afterAll(async () => {
    await connection.destroy();
    await test.drop();
  });

  function open(connectionString = test.env['DATABASE_URL']) {
    const log = recordingLog();
    const lock = createPostgresLock({
      db: toStrapiDatabase(connection),
      connection: { connectionString },
      log,
    });
    opened.push(lock);
    return { lock, log };
  }

  async function taken() {
    const { lock, log } = open();
    await lock.take();
    return { lock, log, holder: lock.holder() ?? 'none' };
  }

  const patient = { isPatient: true };
  const impatient = { isPatient: false };
  const sessions = () =>
    connection('pg_stat_activity')
      .where({ application_name: 'character-chat lock' })
      .whereRaw('datname = current_database()');
  const cutOff = () => sessions().select(connection.raw('pg_terminate_backend(pid)'));

  const losses = ({ lines }: { readonly lines: readonly string[] }) =>
    lines.filter((line) => line.startsWith('warn')).length;

  it('is visible to other processes while it is held', async () => {
    const [one, other] = [await taken(), await taken()];
    expect(one.holder).not.toBe(other.holder);
    const states = await one.lock.inspect([one.holder, other.holder], patient);
    expect([...states.values()]).toEqual(['living', 'living']);
    expect(await sessions()).toHaveLength(2);
  });

  it('counts as free only after a delay, in which its process could take it again', async () => {
    const [one, other] = [await taken(), await taken()];
    await other.lock.release();
    expect(await one.lock.inspect([other.holder], impatient)).toEqual(new Map([[other.holder, 'unknown']]));
    const before = performance.now();
    expect(await one.lock.inspect([other.holder], patient)).toEqual(new Map([[other.holder, 'dead']]));
    expect(performance.now() - before).toBeGreaterThan(2_000);
  });

  it('is taken again when its connection breaks, and never counts as free', async () => {
    const [one, other] = [await taken(), await taken()];
    for (let times = 0; times < 3; times += 1) {
      await cutOff();
      expect(await holdsWithin(10_000, () => losses(other.log) === times + 1)).toBe(true);
      expect(await one.lock.inspect([other.holder], patient)).toEqual(new Map([[other.holder, 'living']]));
      expect(await holdsWithin(10_000, () => other.lock.holder() === other.holder)).toBe(true);
    }
    expect(losses(other.log)).toBe(3);
  });

  it('leaves its turns to leases while it cannot be taken again', async () => {
    const way = await openWay(test.env['DATABASE_URL']);
    const { lock, log } = open(way.url);
    await lock.take();
    const holder = lock.holder();
    const row = { turn_id: 'turn-1', role: 'assistant', outcome: 'pending', held_by: holder };
    await connection('chat_conversations').insert([row, { ...row, turn_id: 'ended', outcome: 'completed' }]);
    way.close();
    const holders = async () =>
      (await connection('chat_conversations').orderBy('turn_id')).map(({ held_by }) => held_by);
    expect(await holdsWithin(10_000, async () => (await holders()).at(-1) === null)).toBe(true);
    expect([await holders(), lock.holder()]).toEqual([[holder, null], null]);
    way.open();
    expect(await holdsWithin(10_000, () => lock.holder() === holder)).toBe(true);
    expect(log.lines.map((line) => line.split(' ')[0])).toEqual(['warn', 'info']);
    way.close();
  });

  it('logs an unreachable database once, and is taken as soon as the database is back', async () => {
    const way = await openWay(test.env['DATABASE_URL']);
    way.close();
    const { lock, log } = open(way.url);
    await lock.take();
    expect(lock.holder()).toBeNull();
    expect(log.lines).toEqual([expect.stringMatching(/^warn No lock can be held in the database yet: /u)]);
    way.open();
    expect(await holdsWithin(10_000, () => lock.holder() !== null)).toBe(true);
    expect(log.lines).toHaveLength(2);
    await lock.release();
    way.close();
  });

  it('is not held through a pooler, which gives each transaction another connection', async () => {
    const pooler = await openWay(test.env['DATABASE_URL'], toPooled);
    const { lock, log } = open(pooler.url);
    await lock.take();
    expect(lock.holder()).toBeNull();
    expect(log.lines).toEqual([expect.stringMatching(/^warn A pooler .* DATABASE_DIRECT_URL/u)]);
    expect(await holdsWithin(5_000, async () => (await sessions()).length === 0)).toBe(true);
    pooler.close();
  });
});

/**
 * Imitates a pooler, which reports a process id that the server does not have. In BackendKeyData, the process id
 * follows a type and a length.
 */
function toPooled(data: Buffer): Buffer {
  const at = data.indexOf(Buffer.from('K\0\0\0', 'latin1'));
  if (at >= 0) data.writeInt32BE(1, at + 5);
  return data;
}

/** Starts a proxy to the server. When it is closed, it ends all connections and refuses new ones. */
async function openWay(to = '', toClient = (data: Buffer) => data) {
  const { hostname, port } = new URL(to);
  const clients = new Set<net.Socket>();
  let isOpen = true;
  const server = net.createServer((client) => {
    client.on('error', () => undefined);
    if (!isOpen) return void client.destroy();
    clients.add(client);
    const upstream = net.connect(Number(port), hostname);
    upstream.on('error', () => undefined);
    client.pipe(upstream);
    upstream.on('data', (data) => client.write(toClient(data)));
    upstream.on('close', () => client.destroy());
    client.on('close', () => {
      clients.delete(client);
      upstream.destroy();
    });
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  const way = new URL(to);
  way.port = String((server.address() as net.AddressInfo).port);
  return {
    url: way.href,
    open: () => void (isOpen = true),
    close() {
      isOpen = false;
      for (const client of clients) client.destroy();
    },
  };
}
