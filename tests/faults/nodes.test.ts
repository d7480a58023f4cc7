import { setTimeout as pause } from 'node:timers/promises';

import type { Script } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import { startCable, type Cable } from '../support/cable';
import type { Client } from '../support/client';
import { database } from '../support/database';
import { createGate } from '../support/gate';
import { describeWithRedis } from '../support/describe-with-redis';
import { startRedis, type RedisServer } from '../support/start-redis';
import { holdsWithin, until } from '../support/until';
import { asking, following, toTelling } from './support/asking';
import { startBalancer, type Balancer } from './support/balancer';
import { withoutLimits } from './support/env';
import { createLedger, type Ledger } from './support/ledger';
import { startLoad } from './support/load';
import { randomFor } from './support/random';
import { openRaw } from './support/raw-client';
import { classTimeoutMs, isFull, report, scale } from './support/scale';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

interface StartedEvent {
  readonly turn_id: string;
  readonly session_id: string;
}

/** So long that only a lock or a heartbeat can free a session earlier. */
const leaseMs = 60_000;
const freeMs = 10_000;
const pieces = 40;
const timeoutMs = Math.max(classTimeoutMs, 300_000);

// Several processes need PostgreSQL.
(database === 'postgres' ? describeWithRedis : describe.skip)('three processes with one Redis', () => {
  let redis: RedisServer;
  /** The connection of all processes to Redis. */
  let cable: Cable;
  let app: App;
  let balancer: Balancer;
  let users: Client[];
  let characterId: string;
  let upstream: Upstream;
  let ledger: Ledger;
  /** All three processes. The first one is never restarted, because it serves the test itself. */
  let urls: string[];

  beforeAll(async () => {
    redis = await startRedis();
    cable = await startCable(redis.port);
    const env = {
      ...withoutLimits,
      REDIS_URL: `redis://127.0.0.1:${cable.port}`,
      CHAT_CHECKPOINT_SECONDS: '0.2',
      CHAT_TURN_LEASE_SECONDS: String(leaseMs / 1000),
      CHAT_DRAIN_DELAY_SECONDS: '2',
      CHAT_DRAIN_TIMEOUT_SECONDS: '20',
      CHAT_RECOVERY_SECONDS: '0.1',
    };
    app = await startApp({ env });
    users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
    characterId = (await app.admin.createCharacter()).documentId;
    upstream = createUpstream(app.dify);
    ledger = createLedger();
    urls = [app.url, await app.startAnother(), await app.startAnother()];
    balancer = await startBalancer();
    balancer.use(urls);
    await until(() => urls.every(balancer.isReady));
  }, timeoutMs);
  afterAll(async () => {
    await balancer.close();
    await app.stop();
    await cable.remove();
    await redis.close();
  }, timeoutMs);

  /** Starts a process in the place of this one. */
  async function replace(url: string): Promise<void> {
    const replacement = await app.startAnother();
    urls = urls.map((one) => (one === url ? replacement : one));
    balancer.use([...urls, url]);
    await until(() => balancer.isReady(replacement));
  }

  /** Returns how many connections asked the questions of a load, and those without a whole answer. */
  function outcomesOf(name: string) {
    const asked = ledger.queries().filter((query) => query.startsWith(name));
    const tellings = asked.flatMap((query) => ledger.tellings(query));
    const cut = tellings.filter(({ terminals }) => terminals[0]?.outcome !== 'completed');
    return { questions: tellings.length, cut };
  }

  const pendingTurns = () =>
    app.db('chat_conversations').where({ role: 'assistant', outcome: 'pending' }).select('turn_id', 'query');

  /** A reply of Dify that says a piece, and goes on after `goOn`. */
  const held = (query: string, goesOn: Promise<void>): Script => {
    const [first = '', ...rest] = piecesOf(query, pieces);
    return async (reply) => {
      await reply.say(first);
      await Promise.race([goesOn, reply.closed]);
      await telling(rest)(reply);
    };
  };

  /** Asks a question at a process whose answer is held, and waits until it is saved as pending. */
  async function hold(url: string, query: string, user: Client, goesOn: Promise<void>) {
    upstream.on(query, held(query, goesOn));
    ledger.asks(query, user);
    const connection = await openRaw(url, asking(user, { character_id: characterId, query }));
    await until(() => connection.frames().length >= 2);
    const { turn_id: turnId, session_id: sessionId } = connection.frames()[0]?.data as StartedEvent;
    return { connection, query, turnId, sessionId };
  }

  it(
    'are restarted one after another without a refused question or a lost answer',
    async () => {
      const restarts = scale({ full: 20, smoke: 1 });
      const play = (query: string): Script =>
        telling(piecesOf(query, pieces), () => randomFor(query).between(5, 60));
      const load = startLoad({
        url: balancer.url,
        users,
        characterId,
        upstream,
        ledger,
        lanes: scale({ full: 50, smoke: 10 }),
        name: 'Rolling',
        play,
      });
      for (let restart = 0; restart < restarts; restart += 1) {
        const old = urls[1 + (restart % 2)] ?? '';
        await replace(old);
        await app.signalAnother(old, 'SIGTERM');
        balancer.use(urls);
      }
      await load.stop();
      const tellings = ledger.queries().flatMap((query) => ledger.tellings(query));
      const statuses = tellings.map(({ status }) => status);
      const broken = tellings.filter(({ terminals }) => terminals[0]?.outcome !== 'completed');
      const contradictions = await ledger.check(app.db, upstream);
      report('rolling restart', {
        restarts,
        questions: tellings.length,
        'replies with 503': statuses.filter((status) => status === 503).length,
        'connections without a whole answer': broken.length,
        contradictions: contradictions.length,
      });
      expect(contradictions.slice(0, 5)).toEqual([]);
      expect(broken.slice(0, 5)).toEqual([]);
      expect(new Set(statuses)).toEqual(new Set([200]));
    },
    timeoutMs,
  );

  it(
    'free the sessions of one that was killed, and tell the followers at another one the end',
    async () => {
      const kills = scale({ full: 50, smoke: 1 });
      const freedMs: number[] = [];
      let untold = 0;
      for (let kill = 0; kill < kills; kill += 1) {
        const url = urls[1 + (kill % 2)] ?? '';
        const { opened: goesOn, open: goOn } = createGate();
        const turns = await Promise.all(
          users.slice(0, 3).map((user, index) => hold(url, `Killed ${kill}.${index}`, user, goesOn)),
        );
        const followers = await Promise.all(
          turns.map(({ turnId }, index) => openRaw(app.url, following(users[index] as Client, turnId, 0))),
        );
        await Promise.all(followers.map((one) => until(() => one.frames().length >= 1)));
        const killedMs = performance.now();
        await app.signalAnother(url, 'SIGKILL');
        await Promise.all(
          turns.map(async ({ sessionId }, index) => {
            const user = users[index] as Client;
            const query = `Freed ${kill}.${index}`;
            ledger.asks(query, user);
            const ask = async () => {
              const data = { character_id: characterId, query, session_id: sessionId };
              const connection = await openRaw(app.url, asking(user, data));
              await connection.over;
              if (connection.status() === 200) ledger.told(query, connection);
              return connection.status() === 200;
            };
            await holdsWithin(2 * freeMs, ask);
            freedMs.push(performance.now() - killedMs);
          }),
        );
        goOn();
        for (const { query, connection } of turns) ledger.told(query, connection);
        ledger.killed(turns.map(({ query }) => query));
        for (const follower of followers) {
          const isTold = await holdsWithin(freeMs, () => toTelling(follower).terminals.length === 1);
          if (!isTold) untold += 1;
          follower.destroy();
        }
        await replace(url);
        balancer.use(urls);
      }
      await until(async () => (await pendingTurns()).length === 0);
      const contradictions = await ledger.check(app.db, upstream);
      const slowestMs = Math.round(Math.max(...freedMs));
      report('kill -9 of one of three', {
        kills,
        sessions: freedMs.length,
        'ms until the slowest was free': slowestMs,
        'followers without an end': untold,
        contradictions: contradictions.length,
      });
      expect(contradictions.slice(0, 5)).toEqual([]);
      expect(untold).toBe(0);
      expect(slowestMs).toBeLessThan(freeMs);
    },
    timeoutMs,
  );

  it(
    'end the turns of one that was paused, which writes nothing over them and sends their end',
    async () => {
      const pauses = scale({ full: 10, smoke: 1 });
      const user = users[4] as Client;
      const endedMs: number[] = [];
      for (let round = 0; round < pauses; round += 1) {
        const url = urls[2] ?? '';
        const pid = app.pidOfAnother(url);
        const { opened: goesOn, open: goOn } = createGate();
        const { connection, turnId, query } = await hold(url, `Paused ${round}`, user, goesOn);
        await pause(1_000);
        const pausedMs = performance.now();
        process.kill(pid, 'SIGSTOP');
        const rowOf = () =>
          app.db('chat_conversations').where({ turn_id: turnId, role: 'assistant' }).first();
        try {
          await until(async () => (await rowOf())?.outcome !== 'pending', 30_000);
          endedMs.push(performance.now() - pausedMs);
          await pause(Math.max(0, 10_000 - (performance.now() - pausedMs)));
        } finally {
          process.kill(pid, 'SIGCONT');
        }
        const ended = await rowOf();
        goOn();
        await connection.over;
        ledger.told(query, connection);
        const { text, terminals } = toTelling(connection);
        expect(terminals).toEqual([{ event: 'error', outcome: 'interrupted', code: 'process-died' }]);
        expect(text).toBe(ended?.answer);
        expect(await rowOf()).toEqual(ended);
      }
      report('SIGSTOP of one of three', {
        pauses,
        'ms until the slowest turn had its end': Math.round(Math.max(...endedMs)),
      });
      expect(Math.max(...endedMs)).toBeLessThan(freeMs);
    },
    timeoutMs,
  );

  /** Disturbs Redis again and again under load. Asserts that no answer is cut, and that nothing is lost or doubled. */
  async function expectWholeAnswersWhile(
    { name, title, times }: { readonly name: string; readonly title: string; readonly times: number },
    disturb: (time: number) => Promise<void>,
  ): Promise<void> {
    const load = startLoad({
      url: balancer.url,
      users,
      characterId,
      upstream,
      ledger,
      lanes: scale({ full: 20, smoke: 6 }),
      name,
      play: (query) => telling(piecesOf(query, 20), () => randomFor(query).between(5, 40)),
    });
    for (let time = 0; time < times; time += 1) {
      await pause(500);
      await disturb(time);
    }
    await load.stop();
    const contradictions = await ledger.check(app.db, upstream);
    const { questions, cut } = outcomesOf(name);
    report(title, {
      times,
      questions,
      'cut or failed': cut.length,
      contradictions: contradictions.length,
    });
    expect(contradictions.slice(0, 5)).toEqual([]);
    expect(cut.slice(0, 5)).toEqual([]);
  }

  it(
    'lose no acknowledged question while Redis is stopped and started again',
    () =>
      expectWholeAnswersWhile(
        { name: 'Away', title: 'Redis stopped', times: scale({ full: 20, smoke: 1 }) },
        async (time) => {
          await redis.stop();
          await pause(randomFor('away', time).between(0, isFull ? 10_000 : 3_000));
          await redis.start();
        },
      ),
    timeoutMs,
  );

  it(
    'lose no acknowledged question and cut no answer while Redis takes two seconds for each reply',
    () =>
      expectWholeAnswersWhile(
        { name: 'Slow', title: 'Redis with a latency of 2 s', times: scale({ full: 10, smoke: 1 }) },
        async () => {
          cable.delay(1_000);
          await pause(scale({ full: 10_000, smoke: 3_000 }));
          cable.delay(0);
        },
      ),
    timeoutMs,
  );

  it(
    'send each event to readers at another node soon after their own',
    async () => {
      const streams = scale({ full: 50, smoke: 10 });
      const lagsMs: number[] = [];
      const follow = async (index: number) => {
        const query = `Lag ${index}`;
        const user = users[index % users.length] as Client;
        const { opened: goesOn, open: goOn } = createGate();
        const [first = '', ...rest] = piecesOf(query, pieces);
        upstream.on(query, async (reply) => {
          await reply.say(first);
          await goesOn;
          await telling(rest, () => randomFor(query).between(10, 60))(reply);
        });
        ledger.asks(query, user);
        const arrivedMs = new Map<number, number>();
        const own = await openRaw(urls[0] ?? '', {
          ...asking(user, { character_id: characterId, query }),
          onFrame: ({ id }) => void arrivedMs.set(id, performance.now()),
        });
        await until(() => own.frames().length >= 2);
        const { turn_id: turnId } = own.frames()[0]?.data as StartedEvent;
        let isFollowing = false;
        const other = await openRaw(urls[1] ?? '', {
          ...following(user, turnId, 0),
          onFrame: ({ id }) => {
            if (!isFollowing) return;
            const nowMs = performance.now();
            // The reader at the other node can be the first of the two.
            setImmediate(() => lagsMs.push(nowMs - (arrivedMs.get(id) ?? nowMs)));
          },
        });
        await until(() => other.frames().length >= 2);
        isFollowing = true;
        goOn();
        await Promise.all([own.over, other.over]);
        ledger.told(query, own);
        expect(other.frames().map(({ text }) => text)).toEqual(own.frames().map(({ text }) => text));
      };
      await Promise.all(Array.from({ length: streams }, (_, index) => follow(index)));
      lagsMs.sort((one, other) => one - other);
      const at = (share: number) => (lagsMs[Math.floor(lagsMs.length * share)] ?? Infinity).toFixed(1);
      report('events at another node', {
        streams,
        events: lagsMs.length,
        'ms later, median': at(0.5),
        'ms later, 95 of 100': at(0.95),
        'ms later, 99 of 100': at(0.99),
      });
    },
    timeoutMs,
  );
});
