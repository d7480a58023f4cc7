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
 * The events make 8 MB, more than the kernel buffers for a client that does not read. They are replacements, so that
 * the final answer is short.
 */
const replacements = 2_000;
const replacement = 'Let us talk of something else. '.repeat(130);
/** Dify waits for the active reader after each 10 replacements. A slow reader would only receive the latest text. */
const replacementsTogether = 10;
/** Bound for the additional memory of the program: 64 KB for each of 200 readers. With fewer readers it is noise. */
const maxMoreHeldMb = 12.5;
/**
 * Bound for the additional resident memory: 300 KB for each of 200 readers. This bound is looser: the allocator of the
 * C library may keep up to 40 MB of freed memory, which differs between processes.
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
    // No reader is disconnected during the measurement.
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
  /** Number of readers without the whole answer. */
  readonly incomplete: number;
}

/**
 * Streams long answers to `readers` clients. Each answer also has its share of `stalled` clients, which never read.
 * Measures the memory after all events but the final one.
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

describe('clients that never read', () => {
  it(
    'do not affect other readers, and cost the process little memory',
    async () => {
      const alone: Measurement[] = [];
      const beside: Measurement[] = [];
      for (let round = 0; round < rounds; round += 1) {
        // Each measurement has a new process, because a process rarely returns memory to the system.
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
        'active readers': readers,
        'answers incomplete': incomplete,
        'MB resident without stalled readers': Math.round(of(alone, 'residentMb')),
        'MB more with stalled readers': Math.round(more('residentMb')),
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
