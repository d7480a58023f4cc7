import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { freePort } from '../support/free-port';
import { createGate } from '../support/gate';
import { asking, following, toTelling } from './support/asking';
import { withoutLimits } from './support/env';
import { memoryOf, type Memory } from './support/memory';
import { openRaw, type RawConnection } from './support/raw-client';
import { classTimeoutMs, isFull, report, scale } from './support/scale';
import { holdsWithin } from '../support/until';
import { createUpstream, piecesOf, type Upstream } from './support/upstream';

const readers = scale({ full: 20, smoke: 4 });
const stalledReaders = scale({ full: 200, smoke: 20 });
const rounds = scale({ full: 5, smoke: 1 });
/**
 * 8 MB, which is more than the system takes off the application's hands for a client that does not read. Of replacements,
 * so that the answer itself stays short.
 */
const replacements = 2_000;
const replacement = 'Let us talk of something else. '.repeat(130);
/** The next are told when the reader has these: whoever is far behind is told the text that all come to, and no more. */
const replacementsTogether = 10;
/** What more the program may hold: 64 KB for each of 200; for fewer it is what swings by itself. */
const maxMoreHeldMb = 12.5;
/**
 * What more may be resident: 300 KB for each of 200. This is the looser bound, as it is the rougher measure: of two
 * processes that do the same, one keeps up to 40 MB more, which the C library's allocator has back and cannot give away.
 */
const maxMoreResidentMb = 60;

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;
let inspectorPort: number;

beforeAll(async () => {
  inspectorPort = await freePort();
  const env = {
    ...withoutLimits,
    NODE_OPTIONS: `--inspect=127.0.0.1:${inspectorPort}`,
    // Nobody is cut off while this is measured.
    CHAT_STALLED_READER_SECONDS: '3600',
  };
  app = await startApp({ env });
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
});
afterAll(() => app.stop());

interface Measurement extends Memory {
  readonly seconds: number;
  /** Readers who did not get the whole answer. */
  readonly incomplete: number;
}

/**
 * Long streams to `readers`, each of them also opened by its share of `stalled` readers who never read. What the process
 * holds is measured when everything but the end is told.
 */
async function measure(name: string, stalled: number): Promise<Measurement> {
  const { opened: measured, open: finish } = createGate();
  const idle: Promise<RawConnection>[] = [];
  let toldAll = 0;

  const read = async (index: number) => {
    const user = users[index % users.length] ?? app.anonymous;
    const query = `${name} ${index}`;
    const pieces = piecesOf(query, 10);
    const { opened: stalls, open: allStall } = createGate();
    let told = createGate();
    upstream.on(query, async (reply) => {
      await stalls;
      for (let count = 1; count <= replacements; count += 1) {
        await reply.replace(`${count} ${replacement}`);
        if (count % replacementsTogether > 0) continue;
        await told.opened;
        told = createGate();
      }
      await reply.replace('');
      for (const piece of pieces) await reply.say(piece);
      await measured;
      await reply.end();
    });
    const connection = await openRaw(app.url, {
      ...asking(user, { character_id: characterId, query }),
      onFrame({ id, data }) {
        if (data.event === 'message_replace' && parseInt(data.answer, 10) % replacementsTogether === 0)
          told.open();
        if (data.event === 'message' && data.answer === pieces.at(-1)) toldAll += 1;
        if (id !== 1) return;
        const request = { ...following(user, String(data.turn_id), 0), neverReads: true };
        const own = Array.from({ length: Math.floor(stalled / readers) }, () => openRaw(app.url, request));
        idle.push(...own);
        void Promise.all(own).then(allStall);
      },
    });
    await connection.over;
    const { text, terminals } = toTelling(connection);
    return connection.isWhole() && terminals.length === 1 && text === pieces.join('');
  };

  const since = Date.now();
  const reading = Array.from({ length: readers }, (_, index) => read(index));
  await holdsWithin(classTimeoutMs, () => toldAll === readers);
  const seconds = (Date.now() - since) / 1000;
  const memory = await memoryOf(app.pid(), inspectorPort);
  finish();
  const results = await Promise.all(reading);
  for (const connection of await Promise.all(idle)) connection.destroy();
  return { ...memory, seconds, incomplete: results.filter((isComplete) => !isComplete).length };
}

describe('readers who never read', () => {
  it(
    'cost the others nothing, and the process little',
    async () => {
      const alone: Measurement[] = [];
      const beside: Measurement[] = [];
      for (let round = 0; round < rounds; round += 1) {
        // Each in a process of its own: what a process has once taken, it rarely gives back.
        if (round > 0) await fresh();
        alone.push(await measure(`Read alone ${round}`, 0));
        if (isFull) await fresh();
        beside.push(await measure(`Read beside stalled readers ${round}`, stalledReaders));
      }
      const of = (measurements: readonly Measurement[], what: keyof Measurement) =>
        median(measurements.map((one) => one[what]));
      const incomplete = [...alone, ...beside].reduce((sum, one) => sum + one.incomplete, 0);
      const more = (what: 'residentMb' | 'heldMb') => of(beside, what) - of(alone, what);
      report('stalled readers', {
        stalled: stalledReaders,
        'readers beside them': readers,
        'answers incomplete': incomplete,
        'MB resident without them': Math.round(of(alone, 'residentMb')),
        'MB more with them': Math.round(more('residentMb')),
        'MB more held by the program': Math.round(more('heldMb')),
        'times as long': (of(beside, 'seconds') / of(alone, 'seconds')).toFixed(2),
      });
      expect(incomplete).toBe(0);
      expect(more('heldMb')).toBeLessThanOrEqual(maxMoreHeldMb);
      if (isFull) expect(more('residentMb')).toBeLessThanOrEqual(maxMoreResidentMb);
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
