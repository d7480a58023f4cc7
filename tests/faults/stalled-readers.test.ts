import { readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { asking, following, toTelling } from './support/asking';
import { withoutLimits } from './support/env';
import { openRaw, type RawConnection } from './support/raw-client';
import { classTimeoutMs, isFull, report, scale } from './support/scale';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

const readers = scale({ full: 20, smoke: 4 });
const stalledReaders = scale({ full: 200, smoke: 20 });
const pieces = scale({ full: 4_000, smoke: 400 });
const rounds = scale({ full: 3, smoke: 1 });

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;

beforeAll(async () => {
  app = await startApp({ env: withoutLimits });
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
});
afterAll(() => app.stop());

/** Resident memory of the application, MB. Linux says so; elsewhere it counts as none. */
async function residentMb(): Promise<number> {
  const status = await readFile(`/proc/${app.pid()}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB$/mu.exec(status)?.[1] ?? 0) / 1024;
}

interface Measurement {
  /** The most it took, while streaming and for a moment after. */
  readonly peakMb: number;
  readonly seconds: number;
  /** Readers who did not get the whole answer. */
  readonly incomplete: number;
}

/** Long answers to `readers`, each of them also followed by its share of `stalled` readers who never read. */
async function measure(name: string, stalled: number): Promise<Measurement> {
  let peakMb = 0;
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      peakMb = Math.max(peakMb, await residentMb());
      await pause(50);
    }
  })();

  const idle: Promise<RawConnection>[] = [];
  const since = Date.now();
  const read = async (index: number) => {
    const user = users[index % users.length] ?? app.anonymous;
    const query = `${name} ${index}`;
    const whole = piecesOf(query, pieces);
    upstream.on(
      query,
      telling(whole, () => 2),
    );
    const share = Math.floor(stalled / readers);
    const connection = await openRaw(app.url, {
      ...asking(user, { character_id: characterId, query }),
      onFrame({ id, data }) {
        if (id !== 1) return;
        const request = { ...following(user, String(data.turn_id), 0), neverReads: true };
        idle.push(...Array.from({ length: share }, () => openRaw(app.url, request)));
      },
    });
    await connection.over;
    const { text, terminals } = toTelling(connection);
    return connection.isWhole() && terminals.length === 1 && text === whole.join('');
  };
  const results = await Promise.all(Array.from({ length: readers }, (_, index) => read(index)));
  const seconds = (Date.now() - since) / 1000;
  await pause(1_000);
  isOver = true;
  await sampling;
  for (const connection of await Promise.all(idle)) connection.destroy();
  return { peakMb, seconds, incomplete: results.filter((isComplete) => !isComplete).length };
}

describe('readers who never read', () => {
  it(
    'cost the others nothing',
    async () => {
      const without: Measurement[] = [];
      const beside: Measurement[] = [];
      for (let round = 0; round < rounds; round += 1) {
        // Each in a process of its own: what a process has once taken, it rarely gives back.
        if (round > 0) await fresh();
        without.push(await measure(`Read alone ${round}`, 0));
        if (isFull) await fresh();
        beside.push(await measure(`Read beside stalled readers ${round}`, stalledReaders));
      }
      const incomplete = [...without, ...beside].reduce((sum, one) => sum + one.incomplete, 0);
      const moreMb = median(beside.map((one) => one.peakMb)) - median(without.map((one) => one.peakMb));
      const slower = median(beside.map((one) => one.seconds)) / median(without.map((one) => one.seconds));
      report('stalled readers', {
        stalled: stalledReaders,
        'readers beside them': readers,
        'answers incomplete': incomplete,
        'MB at the peak without them': Math.round(median(without.map((one) => one.peakMb))),
        'MB more with them': Math.round(moreMb),
        'times as long': slower.toFixed(2),
      });
      expect(incomplete).toBe(0);
    },
    classTimeoutMs,
  );

  async function fresh(): Promise<void> {
    await app.signal('SIGTERM');
    await app.restart();
  }
});

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
