import { setTimeout as pause } from 'node:timers/promises';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { startChild, type Child } from './support/child';
import { withoutLimits } from './support/env';
import { database } from '../support/database';
import { fillMessages } from '../support/fill-messages';
import { classTimeoutMs, report, scale } from './support/scale';
import { createUpstream } from './support/upstream';

/** Number of messages of each reading user. */
const messages = scale({ full: 100_000, smoke: 4_000 });
/** One reader for each kind of read. */
const readers = 3;
const measuredMs = scale({ full: 30_000, smoke: 1_500 });
/**
 * Bound for the delay that reads of others add to a first event and to a health check (99th percentile).
 * Without limits on reads and without threads, the delay is over 10 seconds. The bounds are loose for two reasons:
 * PostgreSQL shares two cores with the application, and the smoke test runs next to other tests.
 */
const maxDelayMs = scale({ full: database === 'sqlite' ? 250 : 1_000, smoke: 2_000 });

let app: App;
let asking: Client;
let characterId: string;
let reading: Child;
let users: Client[];

beforeAll(async () => {
  // An empty value sets the default limit of concurrent reads.
  app = await startApp({ env: { ...withoutLimits, CHAT_MAX_READS_AT_ONCE: '' } });
  asking = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
  createUpstream(app.dify);
  users = await Promise.all(Array.from({ length: readers }, () => app.createUser()));
  for (const { user } of users) await fillMessages(app.db, user.id, messages, { character: characterId });
  reading = await startChild('reading-child.ts', [app.url, ...users.map(({ token }) => token ?? '')]);
}, classTimeoutMs);
afterAll(async () => {
  await reading.end();
  await app.stop();
});

interface Delays {
  readonly firstEvents: number[];
  readonly healthChecks: number[];
  /** Number of questions without a complete answer. */
  failed: number;
}

/** Asks one question after the other. Also sends health checks in a loop. */
async function measure(): Promise<Delays> {
  const delays: Delays = { firstEvents: [], healthChecks: [], failed: 0 };
  const until = performance.now() + measuredMs;
  const ask = async () => {
    for (let count = 0; performance.now() < until; count += 1) {
      const since = performance.now();
      const { status, events } = await asking.stream({
        character_id: characterId,
        query: `Question ${count}`,
      });
      const { value: first } = await events.next();
      delays.firstEvents.push(performance.now() - since);
      let last = first?.event;
      for await (const { event } of events) last = event;
      if (status !== 200 || first?.event !== 'turn_started' || last !== 'message_end') delays.failed += 1;
    }
  };
  const check = async () => {
    while (performance.now() < until) {
      const since = performance.now();
      await app.anonymous.get('/api/chat/ready');
      delays.healthChecks.push(performance.now() - since);
      await pause(10);
    }
  };
  await Promise.all([ask(), check()]);
  return delays;
}

const percentile = (values: readonly number[], part: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ?? 0;
const both = (values: readonly number[]) =>
  `${percentile(values, 0.5).toFixed(1)}/${percentile(values, 0.99).toFixed(1)}`;

/** Returns the median time of 15 requests of a list, in milliseconds. */
async function listMs(user: Client, filter: string): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 15; round += 1) {
    const since = performance.now();
    const { status, body } = await user.myList(`?${filter}`);
    times.push(performance.now() - since);
    expect([status, body.data.length]).toEqual([200, 20]);
  }
  return percentile(times, 0.5);
}

describe('list filtered by session, conversation or character', () => {
  it(
    'takes about as long as the unfiltered list',
    async () => {
      const [user] = users;
      if (user === undefined) throw new Error('The test has no readers.');
      const { session_id: session, conversation_id: conversation } = await app
        .db('chat_sessions')
        .where({ user_id: user.user.id })
        .orderBy('id', 'desc')
        .first();
      const all = await listMs(user, '');
      const session_ = await listMs(user, `filters[session_id]=${session}`);
      const conversation_ = await listMs(user, `filters[conversation_id]=${conversation}`);
      const character = await listMs(user, `filters[ai_character]=${characterId}`);
      report('filtered lists', {
        'messages of the reader': messages,
        'ms for a page of all': all.toFixed(1),
        'of a session': session_.toFixed(1),
        'of a conversation': conversation_.toFixed(1),
        'of a character, which has half of them': character.toFixed(1),
      });
      for (const one of [session_, conversation_, character]) expect(one).toBeLessThan(3 * all + 50);
    },
    classTimeoutMs,
  );
});

describe('heavy reads by several users', () => {
  it(
    'do not delay other users, and no question fails',
    async () => {
      await measure();
      const alone = await measure();
      await reading.tell('start');
      const since = performance.now();
      const beside = await measure();
      await reading.tell('export');
      const exportMs = performance.now() - since;
      const replies = JSON.parse(await reading.tell('stop')) as Record<string, number>;
      report('heavy reads', {
        'messages of each reader': messages,
        'readers (60 lists with ten texts; 12 lists and searches; 4 exports)': readers,
        'questions during the reads': beside.firstEvents.length,
        'questions failed': beside.failed,
        'ms to the first event without reads (p50/p99)': both(alone.firstEvents),
        'ms with reads': both(beside.firstEvents),
        'ms of a health check without reads (p50/p99)': both(alone.healthChecks),
        'ms of a health check with reads': both(beside.healthChecks),
        'seconds until an export was complete': Math.round(exportMs / 1_000),
        'replies to the readers': JSON.stringify(replies),
      });
      expect(beside.failed).toBe(0);
      const added = (of: 'firstEvents' | 'healthChecks') =>
        percentile(beside[of], 0.99) - percentile(alone[of], 0.99);
      expect(added('firstEvents')).toBeLessThan(maxDelayMs);
      expect(added('healthChecks')).toBeLessThan(maxDelayMs);
    },
    classTimeoutMs,
  );
});
