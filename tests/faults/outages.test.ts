import { setTimeout as pause } from 'node:timers/promises';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { database } from '../support/database';
import { startChild, type Child } from './support/child';
import { withoutLimits } from './support/env';
import { createLedger, type Ledger } from './support/ledger';
import { startLoad } from './support/load';
import { randomFor } from './support/random';
import { classTimeoutMs, report, scale } from './support/scale';
import { holdsWithin } from '../support/until';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

const outages = scale({ full: 50, smoke: 2 });
/** Longest outage. PostgreSQL is stopped. SQLite is locked for a time that a write still waits. */
const longestMs = scale({ full: database === 'postgres' ? 10_000 : 4_000, smoke: 600 });
/** Longer than an outage, because no process can renew its lease while the database is unavailable. */
const leaseMs = longestMs + 2_000;

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;
let ledger: Ledger;
/** PostgreSQL: the server itself. SQLite: another program that locks the file. */
let child: Child;

beforeAll(async () => {
  if (database === 'postgres') {
    child = await startChild('postgres-child.ts');
    // This file has its own server, so that other tests are not affected. It has no database to copy.
    process.env['TEST_POSTGRES_URL'] = child.greeting;
  }
  app = await startApp({
    isEmpty: true,
    env: { ...withoutLimits, CHAT_TURN_LEASE_SECONDS: String(leaseMs / 1000) },
  });
  if (database === 'sqlite') {
    child = await startChild('sqlite-lock-child.ts', [app.database.env['DATABASE_FILENAME'] ?? '']);
  }
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
  ledger = createLedger();
});
afterAll(async () => {
  if (database === 'sqlite') await child.end();
  try {
    await app.stop();
  } finally {
    // Also if the application did not start: a child that stays would keep Jest waiting.
    if (database === 'postgres') await child.end();
  }
});

async function takeAway(ms: number): Promise<void> {
  if (database === 'sqlite') return void (await child.tell(String(ms)));
  await child.tell('stop');
  await pause(ms);
  await child.tell('start');
}

/** Returns whether a request succeeds again. */
async function isBack(): Promise<boolean> {
  const reply = await users[0]?.myList('?pageSize=1');
  return reply?.status === 200;
}

const pendingRows = async () =>
  Number(
    (await app.db('chat_conversations').where({ outcome: 'pending' }).count({ count: '*' }))[0]?.['count'],
  );

describe('database outage', () => {
  it(
    'loses no acknowledged turn, and logs nobody out',
    async () => {
      const pieces = 40;
      const play = (query: string) => {
        const pauses = randomFor(query);
        return telling(piecesOf(query, pieces), () => pauses.between(0, 60));
      };
      const name = 'Asked in an outage';
      const load = startLoad({ url: app.url, users, characterId, upstream, ledger, lanes: 24, name, play });
      let awayMs = 0;
      let neverBack = 0;
      let slowestMs = 0;
      for (let outage = 0; outage < outages; outage += 1) {
        const random = randomFor('outage', outage);
        await pause(random.between(200, 1_500));
        const ms = database === 'postgres' ? random.between(0, longestMs) : random.between(100, longestMs);
        await takeAway(ms);
        awayMs += ms;
        const since = Date.now();
        if (!(await holdsWithin(15_000, isBack))) neverBack += 1;
        slowestMs = Math.max(slowestMs, Date.now() - since);
      }
      await load.stop();
      await holdsWithin(leaseMs + 5_000, async () => (await pendingRows().catch(() => 1)) === 0);

      const contradictions = await ledger.check(app.db, upstream);
      const tellings = ledger.queries().flatMap((query) => ledger.tellings(query));
      const withStatus = (...statuses: (number | null)[]) =>
        tellings.filter(({ status }) => statuses.includes(status)).length;
      const acknowledged = tellings.filter(({ turnIds }) => turnIds.length > 0);
      const incomplete = acknowledged.filter(({ terminals }) => terminals[0]?.outcome !== 'completed');
      report(database === 'postgres' ? 'PostgreSQL stopped' : 'SQLite locked', {
        outages: outages,
        'seconds away': Math.round(awayMs / 1000),
        'ms, the slowest return': slowestMs,
        'turns acknowledged': acknowledged.length,
        'of them without the outcome completed': incomplete.length,
        'questions refused (503)': withStatus(503),
        'wrong 401': withStatus(401),
        'other replies': tellings.length - withStatus(200, 401, 503),
        contradictions: contradictions.length,
      });
      expect(contradictions.slice(0, 5)).toEqual([]);
      expect(incomplete).toEqual([]);
      expect(new Set([200, 503, ...tellings.map(({ status }) => status)])).toEqual(new Set([200, 503]));
      expect(neverBack).toBe(0);
    },
    classTimeoutMs,
  );
});
