import { setTimeout as pause } from 'node:timers/promises';

import type { Script } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { createGate } from '../support/gate';
import { asking } from './support/asking';
import { withoutLimits } from './support/env';
import { createLedger, type Ledger } from './support/ledger';
import { startLoad } from './support/load';
import { randomFor } from './support/random';
import { openRaw, type RawConnection } from './support/raw-client';
import { classTimeoutMs, report, scale } from './support/scale';
import { holdsWithin } from '../support/until';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

/** So long that only the process lock can free a session earlier. */
const leaseMs = 60_000;
/** Bound for the time from a kill until another process answers in the same sessions. */
const takeoverMs = scale({ full: 15_000, smoke: 30_000 });
const drainMs = 1_000;
/** Bound for the time of an exit after the drain. It is larger where other tests use the CPU. */
const exitMs = scale({ full: 2_000, smoke: 10_000 });
const pieces = 40;

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;
let ledger: Ledger;

beforeAll(async () => {
  const env = {
    ...withoutLimits,
    CHAT_CHECKPOINT_SECONDS: '0.1',
    CHAT_TURN_LEASE_SECONDS: String(leaseMs / 1000),
    CHAT_DRAIN_TIMEOUT_SECONDS: String(drainMs / 1000),
    CHAT_RECOVERY_SECONDS: '0.1',
  };
  app = await startApp({ env });
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
  ledger = createLedger();
});
afterAll(() => app.stop());

/** Asks in a session until the server accepts the question. @returns the number of refusals before. */
async function askUntilFree(url: string, row: PendingRow, name: string): Promise<number> {
  const user = users.find((one) => one.user.id === row.user_id) ?? app.anonymous;
  for (let refused = 0; ; refused += 1) {
    const query = `${name}, asked after ${refused} refusals`;
    ledger.asks(query, user);
    const data = { character_id: characterId, query, session_id: row.session };
    const connection = await openRaw(url, asking(user, data));
    await connection.over;
    ledger.told(query, connection);
    if (connection.status() !== 409) return refused;
    await pause(20);
  }
}

interface PendingRow {
  readonly user_id: number;
  readonly turn_id: string;
  /** The public id of the session. */
  readonly session: string;
}

const pendingRows = (): Promise<PendingRow[]> =>
  app
    .db({ a: 'chat_conversations', s: 'chat_sessions' })
    .whereRaw('s.id = a.session_id')
    .where({ 'a.role': 'assistant', 'a.outcome': 'pending' })
    .orderBy('a.id')
    .select('a.user_id', 'a.turn_id', 's.session_id as session');

/** Returns the saved text of each answer that has not ended, by question. */
async function pendingAnswers(): Promise<ReadonlyMap<string, { answer: string; isKnownToDify: boolean }>> {
  const rows = await app
    .db('chat_conversations')
    .where({ role: 'assistant', outcome: 'pending' })
    .select('query', 'answer', 'conversation_id', 'message_id');
  return new Map(
    rows.map(({ query, answer, conversation_id: conversationId, message_id: messageId }) => {
      const isKnownToDify = conversationId !== null && !String(messageId).startsWith('msg_');
      return [query, { answer: answer ?? '', isKnownToDify }];
    }),
  );
}

describe('kill -9 of the only process', () => {
  const kills = scale({ full: 200, smoke: 1 });

  /** Dify continues half of the answers after the connection is closed, as its newest version does. */
  const goesOn = (query: string) => randomFor(query).chance(0.5);
  const play = (query: string): Script => {
    const pauses = randomFor(`pauses ${query}`);
    const reply = telling(piecesOf(query, pieces), () => pauses.between(0, 40));
    return async (one) => {
      if (goesOn(query)) one.outlive();
      await reply(one);
    };
  };

  it(
    'loses no question and no checkpoint, and leaves no turn pending',
    async () => {
      const figures = { streams: 0, refused: 0, lost: 0, stuck: 0, completable: 0, completed: 0 };
      for (let kill = 0; kill < kills; kill += 1) {
        const name = `Killed ${kill}`;
        const load = startLoad({ url: app.url, users, characterId, upstream, ledger, lanes: 12, name, play });
        await pause(randomFor('moment', kill).between(200, 1_800));
        const held = await pendingAnswers();
        await app.signal('SIGKILL');
        await load.stop();
        ledger.killed(load.unended());
        const left = await pendingAnswers();
        const sessions = await pendingRows();
        await app.restart();

        for (const [index, row] of sessions.entries()) {
          figures.refused += await askUntilFree(app.url, row, `Restarted ${kill}.${index}`);
        }
        await holdsWithin(takeoverMs, async () => (await pendingAnswers()).size === 0);
        figures.stuck += (await pendingAnswers()).size;
        figures.streams += left.size;
        for (const [query, { answer, isKnownToDify }] of left) {
          const row = await app.db('chat_conversations').where({ query, role: 'assistant' }).first();
          const whole = piecesOf(query, pieces).join('');
          const saved = String(row?.answer);
          const isKept = saved.startsWith(answer) && answer.startsWith(held.get(query)?.answer ?? '');
          if (!isKept || !whole.startsWith(saved)) figures.lost += 1;
          if (!goesOn(query) || !isKnownToDify) continue;
          figures.completable += 1;
          if (row?.outcome === 'completed' && saved === whole) figures.completed += 1;
        }
      }
      const contradictions = await ledger.check(app.db, upstream);
      report('kill -9', {
        kills: kills,
        'answers in flight': figures.streams,
        'checkpoints lost': figures.lost,
        'refusals of their sessions after the restart': figures.refused,
        'rows stuck': figures.stuck,
        'that Dify continued': figures.completable,
        'of them completed': figures.completed,
        'questions acknowledged': ledger.acknowledged().length,
        contradictions: contradictions.length,
      });
      expect(contradictions.slice(0, 5)).toEqual([]);
      expect(figures).toMatchObject({ refused: 0, lost: 0, stuck: 0, completed: figures.completable });
    },
    classTimeoutMs,
  );
});

describe('kill -9 of one of two processes', () => {
  const kills = scale({ full: 20, smoke: 1 });
  const streams = 5;

  it(
    'lets the other process free the sessions, and leaves its own turns running',
    async () => {
      const freedMs: number[] = [];
      let ended = 0;
      for (let kill = 0; kill < kills; kill += 1) {
        const otherUrl = await app.startAnother();
        const { opened: goesOn, open: goOn } = createGate();
        const play = (query: string): Script => {
          const [first = '', ...rest] = piecesOf(query, pieces);
          return async (reply) => {
            await reply.say(first);
            await Promise.race([goesOn, reply.closed]);
            await telling(rest)(reply);
          };
        };
        const ask = async (url: string, query: string, index: number) => {
          const user = users[index % users.length] ?? app.anonymous;
          upstream.on(query, play(query));
          ledger.asks(query, user);
          const connection = await openRaw(url, asking(user, { character_id: characterId, query }));
          await connection.over;
          ledger.told(query, connection);
          return connection;
        };
        const there = Array.from({ length: streams }, (_, index) => `Killed of two ${kill}.${index}`);
        const asked = there.map((query, index) => ask(otherUrl, query, index));
        const here = ask(app.url, `Spared of two ${kill}`, kill);
        expect(await holdsWithin(30_000, async () => (await pendingAnswers()).size === streams + 1)).toBe(
          true,
        );
        const spared = await app
          .db('chat_conversations')
          .where({ query: `Spared of two ${kill}` })
          .first('turn_id');
        const rows = (await pendingRows()).filter((row) => row.turn_id !== spared?.turn_id);
        const killedAt = Date.now();
        await app.signalAnother(otherUrl, 'SIGKILL');
        await Promise.all(
          rows.map(async (row, index) => {
            await askUntilFree(app.url, row, `Freed ${kill}.${index}`);
            freedMs.push(Date.now() - killedAt);
          }),
        );
        await Promise.all(asked);
        ledger.killed(there);
        await holdsWithin(takeoverMs, async () => (await pendingAnswers()).size === 1);
        goOn();
        if (!isCompleted((await here).frames().at(-1)?.data)) ended += 1;
      }
      const contradictions = await ledger.check(app.db, upstream);
      const slowestMs = Math.max(...freedMs);
      report('kill -9 of one of two', {
        kills,
        'sessions of the killed': freedMs.length,
        'ms until the slowest was free': slowestMs,
        'ms on average': Math.round(freedMs.reduce((sum, ms) => sum + ms, 0) / freedMs.length),
        'living turns ended': ended,
        contradictions: contradictions.length,
      });
      expect(contradictions.slice(0, 5)).toEqual([]);
      expect([freedMs.length, ended]).toEqual([kills * streams, 0]);
      expect(slowestMs).toBeLessThan(takeoverMs);
    },
    classTimeoutMs,
  );
});

describe('SIGTERM', () => {
  const rounds = scale({ full: 50, smoke: 1 });
  const streams = 50;

  /** After `signalled`, a third of the answers ends soon, a third near the drain limit, and a third never. */
  const play = (query: string, signalled: Promise<void>): Script => {
    const random = randomFor(query);
    const slowness = random.pick([10, 50, Infinity]);
    const isEndless = slowness === Infinity;
    const pauseMs = () => (isEndless ? random.between(5, 50) : random.between(0, slowness));
    return async (reply) => {
      for (const [index, piece] of piecesOf(query, isEndless ? 10_000 : pieces).entries()) {
        if (index === 3) await signalled;
        if (reply.wire.isClosed()) return;
        await reply.say(piece);
        await reply.pause(pauseMs());
      }
      await reply.end();
    };
  };

  interface Asking {
    readonly signalled: Promise<void>;
    readonly onStarted: () => void;
  }

  async function ask(query: string, index: number, { signalled, onStarted }: Asking): Promise<RawConnection> {
    const user = users[index % users.length] ?? app.anonymous;
    upstream.on(query, play(query, signalled));
    ledger.asks(query, user);
    const request = asking(user, { character_id: characterId, query });
    const connection = await openRaw(app.url, { ...request, onFrame: ({ id }) => id === 1 && onStarted() });
    await connection.over;
    ledger.told(query, connection);
    return connection;
  }

  it(
    'sends a final event to every live stream within the drain limit',
    async () => {
      const figures = { live: 0, endless: 0, pending: 0, late: 0, unclean: 0, slowestMs: 0 };
      for (let round = 0; round < rounds; round += 1) {
        if (round > 0) await app.restart();
        const { opened: signalled, open: signal } = createGate();
        let started = 0;
        const onStarted = () => void (started += 1);
        const asked = Array.from({ length: streams }, (_, index) =>
          ask(`Terminated ${round}.${index}`, index, { signalled, onStarted }),
        );
        await holdsWithin(30_000, () => started === streams);
        const letGo = pause(randomFor('moment', round).between(0, 300)).then(signal);
        await pause(randomFor('another moment', round).between(0, 300));
        // More questions arrive at this moment. The server answers them, refuses them, or closes their connection.
        const late = Array.from({ length: 5 }, (_, index) =>
          ask(`Terminated ${round}.late ${index}`, index, { signalled, onStarted: () => undefined }),
        );
        const signalledAt = Date.now();
        const code = await app.signal('SIGTERM');
        const tookMs = Date.now() - signalledAt;
        const connections = await Promise.all(asked);
        await Promise.all([...late, letGo]);

        figures.live += started;
        figures.endless += connections.filter((one) => !isTerminal(one.frames().at(-1)?.data)).length;
        figures.pending += (await pendingAnswers()).size;
        figures.slowestMs = Math.max(figures.slowestMs, tookMs);
        if (tookMs > drainMs + exitMs) figures.late += 1;
        if (code !== 0) figures.unclean += 1;
      }
      const contradictions = await ledger.check(app.db, upstream);
      report('SIGTERM', {
        signals: rounds,
        'live streams': figures.live,
        'without a terminal event': figures.endless,
        'rows pending': figures.pending,
        [`ms, the slowest exit of a drain of ${drainMs} ms`]: figures.slowestMs,
        'exits with another code than 0': figures.unclean,
        contradictions: contradictions.length,
      });
      expect(contradictions.slice(0, 5)).toEqual([]);
      expect(figures).toMatchObject({ live: rounds * streams, endless: 0, pending: 0, late: 0, unclean: 0 });
    },
    classTimeoutMs,
  );
});

function isCompleted(event: { readonly outcome?: unknown } | undefined): boolean {
  return event?.outcome === 'completed';
}

function isTerminal(event: { readonly event?: unknown } | undefined): boolean {
  return event?.event === 'message_end' || event?.event === 'error';
}
