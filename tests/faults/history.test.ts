import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import knex, { type Knex } from 'knex';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { database } from '../support/database';
import { startChild, type Child } from './support/child';
import { withoutLimits } from './support/env';
import { createLedger, type Ledger } from './support/ledger';
import { startLoad, type Load } from './support/load';
import { randomFor } from './support/random';
import { classTimeoutMs, report, scale } from './support/scale';
import { holdsWithin } from '../support/until';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

const kills = scale({ full: 200, smoke: 2 });
const outages = scale({ full: 50, smoke: 2 });
/** Longer than a busy machine delays the lease renewal of a living process. */
const leaseMs = 5_000;
/** Longest outage: PostgreSQL is stopped, or another program locks the SQLite file. */
const longestMs = scale({ full: 5_000, smoke: 800 });

/** False where the source has no history store. The tests are skipped then. */
const hasStore = existsSync(path.resolve(__dirname, '..', '..', 'src', 'history', 'store'));

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;
let ledger: Ledger;
/** Controls a separate history: a PostgreSQL server that can be stopped, or a SQLite file that can be locked. */
let child: Child;
let folder: string;
let history: Knex;

/** knex would log lost connections, which this test causes on purpose. */
const silent = { warn: () => undefined, error: () => undefined };

async function startHistory(): Promise<string> {
  folder = await mkdtemp(path.join(tmpdir(), 'chat-history-'));
  if (database === 'postgres') {
    child = await startChild('postgres-child.ts');
    const connection = `${child.greeting}/postgres`;
    history = knex({ client: 'pg', connection, pool: { min: 0, max: 2 }, log: silent });
    return connection;
  }
  const filename = path.join(folder, 'history.db');
  child = await startChild('sqlite-lock-child.ts', [filename]);
  history = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true });
  return filename;
}

async function takeAway(ms: number): Promise<void> {
  if (database === 'sqlite') return void (await child.tell(String(ms)));
  await child.tell('stop');
  await pause(ms);
  await child.tell('start');
}

interface Finished {
  readonly turn_id: string;
  readonly answer: string;
  readonly outcome: string;
}

interface Copied {
  readonly record_id: string;
  readonly text: string;
}

const answers = () => app.db('chat_conversations').where({ role: 'assistant' });
const finished = (): Promise<Finished[]> =>
  answers().whereNot({ outcome: 'pending' }).select('turn_id', 'answer', 'outcome');

async function copied(): Promise<Copied[]> {
  const records: { record_id: string; response: unknown }[] = await history('conversation_histories').select(
    'record_id',
    'response',
  );
  const errors: { record_id: string; text: string }[] = await history('error_conversation_histories').select(
    'record_id',
    'partial_text as text',
  );
  return [
    ...records.map(({ record_id, response }) => {
      const completion = typeof response === 'string' ? JSON.parse(response) : response;
      return { record_id, text: completion.choices[0].message.content };
    }),
    ...errors,
  ];
}

async function waiting(): Promise<number> {
  const [row] = await answers()
    .where((either) => void either.where({ outcome: 'pending' }).orWhereNotNull('history_due'))
    .count({ count: '*' });
  return Number(row?.['count']);
}

/** Ends the claims of turns early. Claims of a dead process otherwise last for a minute. */
async function endClaims(): Promise<void> {
  const now = new Date();
  await app.db('chat_conversations').where('history_due', '>', now).update({ history_due: now });
}

/** Returns the number of contradictions of each kind so far. */
async function contradictions() {
  const turns = new Map((await finished()).map((turn) => [turn.turn_id, turn]));
  const records = await copied();
  const ids = new Set(records.map(({ record_id: id }) => id));
  const [sums] = await history('history_conversations').sum({ records: 'records' });
  return {
    missing: [...turns.keys()].filter((id) => !ids.has(id)).length,
    twice: records.length - ids.size,
    invented: [...ids].filter((id) => !turns.has(id)).length,
    'with another text': records.filter(({ record_id: id, text }) => turns.get(id)?.answer !== text).length,
    'missing or twice in the sums': Math.abs(Number(sums?.['records'] ?? 0) - turns.size),
  };
}

const none = { missing: 0, twice: 0, invented: 0, 'with another text': 0, 'missing or twice in the sums': 0 };

function ask(name: string): Load {
  const play = (query: string) => {
    const random = randomFor(query);
    return telling(piecesOf(query, 5), () => random.between(0, 20));
  };
  return startLoad({ url: app.url, users, characterId, upstream, ledger, lanes: 8, name, play });
}

(hasStore ? describe : describe.skip)('history under faults', () => {
  beforeAll(async () => {
    const env = {
      ...withoutLimits,
      MES_SQL_DSN: await startHistory(),
      CHAT_TURN_LEASE_SECONDS: String(leaseMs / 1000),
      CHAT_RECOVERY_SECONDS: '0.1',
    };
    app = await startApp({ env });
    users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
    characterId = (await app.admin.createCharacter()).documentId;
    upstream = createUpstream(app.dify);
    ledger = createLedger();
  });
  afterAll(async () => {
    await app.stop();
    await history.destroy();
    await child.end();
    await rm(folder, { recursive: true, force: true });
  });

  it(
    'has every finished turn once, however often the process is killed before the copy',
    async () => {
      const figures = { between: 0, claimed: 0 };
      for (let kill = 0; kill < kills; kill += 1) {
        const load = ask(`Killed ${kill}`);
        await pause(randomFor('moment', kill).between(100, 1_200));
        // At least one turn must end before each kill.
        await holdsWithin(10_000, async () => (await answers().whereNotNull('history_due')).length > 0);
        await app.signal('SIGKILL');
        await load.stop();
        const left = await answers().whereNotNull('history_due').select('history_due');
        figures.between += left.length;
        figures.claimed += left.filter(({ history_due: due }) => new Date(due) > new Date()).length;
        await endClaims();
        await app.restart();
      }
      await holdsWithin(30_000, async () => {
        await endClaims();
        return (await waiting()) === 0;
      });
      const found = await contradictions();
      report('history, kill -9', {
        kills,
        'turns finished': (await finished()).length,
        'of them not copied at a kill': figures.between,
        'of them claimed': figures.claimed,
        ...found,
      });
      expect(await waiting()).toBe(0);
      expect(found).toEqual(none);
      expect(figures.between).toBeGreaterThan(0);
    },
    classTimeoutMs,
  );

  it(
    'has every finished turn once after outages, and no turn waits for the history',
    async () => {
      const load = ask('Asked while the history was away');
      let awayMs = 0;
      let turnsMeanwhile = 0;
      for (let outage = 0; outage < outages; outage += 1) {
        const random = randomFor('history outage', outage);
        await pause(random.between(100, 1_000));
        const before = (await finished()).length;
        const ms = random.between(300, longestMs);
        await takeAway(ms);
        turnsMeanwhile += (await finished()).length - before;
        awayMs += ms;
        const { status, body } = await app.anonymous.get('/api/chat/ready');
        expect([status, body.data.status]).toEqual([200, 'ready']);
      }
      await load.stop();
      await holdsWithin(80_000, async () => (await waiting()) === 0);
      const incomplete = ledger
        .queries()
        .filter((query) => query.startsWith('Asked while'))
        .flatMap((query) => ledger.tellings(query))
        .filter(({ terminals }) => terminals[0]?.outcome !== 'completed')
        .map(({ status, terminals, turnIds }) => ({ status, terminals, turnIds }));
      const found = await contradictions();
      report(database === 'postgres' ? 'history stopped' : 'history locked', {
        outages,
        'seconds away': Math.round(awayMs / 1000),
        'turns that ended meanwhile': turnsMeanwhile,
        'turns finished': (await finished()).length,
        'answers without the outcome completed': incomplete.length,
        ...found,
      });
      expect(await waiting()).toBe(0);
      expect(found).toEqual(none);
      expect(incomplete).toEqual([]);
      expect(turnsMeanwhile).toBeGreaterThan(0);
      const said = (text: string) => app.output().split(text).length - 1;
      // The writer logs each outage at most once, and logs each return once.
      expect(said('The history cannot be written')).toBeLessThanOrEqual(outages);
      // The process writes its log after the record.
      await holdsWithin(5_000, () =>
        Promise.resolve(said('The history is written again') === said('The history cannot be written')),
      );
      expect(said('set aside')).toBe(0);
    },
    classTimeoutMs + 60_000,
  );
});
