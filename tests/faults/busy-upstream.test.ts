import { setTimeout as pause } from 'node:timers/promises';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { asking, toTelling } from './support/asking';
import { withoutLimits } from './support/env';
import { randomFor } from './support/random';
import { openRaw, type RawConnection } from './support/raw-client';
import { classTimeoutMs, report, scale } from './support/scale';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

/** The connections of a new Dify, and the answers that the server then requests together. */
const connections = 10;
const atOnce = 8;
const userCount = scale({ full: 100, smoke: 30 });
/** One answer takes about a second. */
const pieces = 20;
const pieceMs = 50;

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;

beforeAll(async () => {
  const env = { ...withoutLimits, DIFY_ANSWERS_AT_ONCE: String(atOnce), CHAT_STOP_GRACE_SECONDS: '60' };
  app = await startApp({ env, dify: { connections } });
  users = [];
  for (let index = 0; index < userCount; index += 1) users.push(await app.createUser());
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
}, classTimeoutMs);
afterAll(() => app.stop());

interface Asked {
  readonly query: string;
  readonly user: Client;
  readonly connection: RawConnection;
  readonly turnId: string;
  readonly askedAtMs: number;
}

/** Sends a question. Settles when its turn has started. */
async function ask(user: Client, query: string): Promise<Asked> {
  upstream.on(
    query,
    telling(piecesOf(query, pieces), () => pieceMs),
  );
  const askedAtMs = performance.now();
  let onStarted: (turnId: string) => void;
  const started = new Promise<string>((resolve) => (onStarted = resolve));
  const connection = await openRaw(app.url, {
    ...asking(user, { character_id: characterId, query }),
    onFrame: ({ id, data }) => id === 1 && onStarted(String(data.turn_id)),
  });
  return { query, user, connection, turnId: await started, askedAtMs };
}

const eventsOf = ({ connection }: Asked) => connection.frames().map(({ data }) => String(data.event));

/** Returns the milliseconds of a stop, from its request to its reply. The server replies after the end. */
async function stop({ user, turnId }: Asked): Promise<number> {
  const sentAtMs = performance.now();
  const { status, body } = await user.post(`/api/chat-conversations/turns/${turnId}/stop`, {});
  expect(status).toBe(200);
  // An answer can end while its stop is on the way.
  expect(body.data.outcome).toMatch(/^(stopped|completed)$/u);
  return performance.now() - sentAtMs;
}

/** Returns the median time of a request in ms, while `isOver` returns false. */
async function medianMs(request: () => Promise<unknown>, isOver: () => boolean): Promise<number> {
  const times: number[] = [];
  while (times.length < 20 || !isOver()) {
    const startMs = performance.now();
    await request();
    times.push(performance.now() - startMs);
    await pause(20);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
}

describe('Dify with ten connections and many users who ask together', () => {
  it(
    'gives every answer in turn, and every stop takes effect immediately',
    async () => {
      const [greedy, ...others] = users;
      if (greedy === undefined) throw new Error('There are no users.');
      const lists = () => Promise.all([app.anonymous.get('/api/chat/ready'), greedy.myList()]);
      const quietMs = await medianMs(lists, () => true);

      // The first user asks as many questions as all others together, and before them.
      const greedyAsked = await Promise.all(others.map((_, index) => ask(greedy, `Greedy ${index}`)));
      const otherAsked = await Promise.all(others.map((user, index) => ask(user, `Modest ${index}`)));
      const all = [...greedyAsked, ...otherAsked];
      let isOver = false;
      const loadedMs = medianMs(lists, () => isOver);

      const random = randomFor('stops');
      const stopped = all.filter(() => random.between(0, 2) === 0);
      const stopMs = await Promise.all(
        stopped.map(async (asked) => {
          await pause(random.between(0, 3_000));
          return stop(asked);
        }),
      );
      await Promise.all(all.map(({ connection }) => connection.over));
      isOver = true;

      const whole = all.filter((asked) => !stopped.includes(asked));
      const incomplete = whole.filter(
        ({ connection, query }) => toTelling(connection).text !== piecesOf(query, pieces).join(''),
      );
      const order = upstream.answers().map(({ query }) => query);
      const modestPlaces = otherAsked
        .filter(({ query }) => order.includes(query))
        .map(({ query }) => order.indexOf(query));
      const overtaking = order
        .slice(atOnce, Math.max(...modestPlaces))
        .filter((query) => query.startsWith('Greedy')).length;
      report('busy Dify', {
        users: userCount,
        questions: all.length,
        'stopped by their users': stopped.length,
        'ms, the slowest stop': Math.round(Math.max(...stopMs)),
        'answers incomplete': incomplete.length,
        'questions of the greedy user between the others': overtaking,
        'ms for readiness and a list without load': Math.round(quietMs),
        'ms with load': Math.round(await loadedMs),
      });
      expect(incomplete.map(({ query }) => query)).toEqual([]);
      // The grace of a stop is a minute, so only Dify can have ended these answers.
      expect(Math.max(...stopMs)).toBeLessThan(10_000);
      // Between two questions of others, at most one of the greedy user goes first.
      expect(overtaking).toBeLessThanOrEqual(1);
      expect(all.filter((asked) => eventsOf(asked).includes('queued')).length).toBeGreaterThan(userCount);
    },
    classTimeoutMs,
  );
});
