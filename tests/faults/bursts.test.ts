import { setTimeout as pause } from 'node:timers/promises';

import { inEnvelope } from '../dify-emulator/events';
import { dataFrame } from '../dify-emulator/frames';
import type { Reply } from '../dify-emulator';
import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { createGate } from '../support/gate';
import { connect } from '../support/socket-client';
import { asking, following } from './support/asking';
import { startChild, type Child } from './support/child';
import { withoutLimits } from './support/env';
import { openRaw } from './support/raw-client';
import { classTimeoutMs, report, scale } from './support/scale';
import { createUpstream, type Upstream } from './support/upstream';

/** Number of events that Dify sends together. */
const events = 20_000;
const readers = scale({ full: 200, smoke: 50 });
const rounds = scale({ full: 3, smoke: 1 });
/** Time for what no sign shows: the server accepts the readers, and then serves them the rest of the burst. */
const settleMs = scale({ full: 1_000, smoke: 300 });

let app: App;
let user: Client;
let characterId: string;
let upstream: Upstream;
let probe: Child;

beforeAll(async () => {
  const env = {
    ...withoutLimits,
    CHAT_WS_MAX_PER_USER: '10000',
    // No reader is disconnected during the measurement.
    CHAT_STALLED_READER_SECONDS: '3600',
  };
  app = await startApp({ env });
  user = await app.createUser();
  const other = await app.createUser();
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
  const list = '/api/chat-conversations/my-list';
  probe = await startChild('probe-child.ts', [app.url, list, other.token ?? '', String(app.pid())]);
});
afterAll(async () => {
  await probe.end();
  await app.stop();
});

/** Returns all events as one buffer, so that they arrive together. */
function burstOf(reply: Reply): Buffer {
  return Buffer.concat(
    Array.from({ length: events }, (_, index) =>
      dataFrame(inEnvelope(reply.turn, 'message', { id: reply.messageId, answer: ` word${index}` }), '1.x'),
    ),
  );
}

/** Opens readers of a turn whose first event has arrived. @returns functions that close them. */
type OpenReaders = (turn: {
  readonly turnId: string;
  readonly sessionId: string;
  readonly key: string;
}) => Promise<readonly (() => void)[]>;

/** Opens readers one after the other. So many requests at the same moment would delay others by themselves. */
async function many<T>(open: () => Promise<T>): Promise<T[]> {
  const opened: T[] = [];
  for (let count = 0; count < readers; count += 1) {
    opened.push(await open());
    await pause(5);
  }
  return opened;
}

const kinds: Readonly<Record<string, { readonly open: OpenReaders; readonly isLate?: boolean }>> = {
  'no stalled readers': { open: () => Promise.resolve([]) },
  'stalled event streams': { open: openStreams },
  'stalled event streams that open after it': { open: openStreams, isLate: true },
  'stalled WebSockets': {
    open: ({ sessionId }) =>
      many(async () => {
        const device = await connect(app.url, `/ws/${sessionId}`, { token: user.token });
        await device.until(({ event }) => event === 'turn_started');
        device.socket.pause();
        return () => device.drop();
      }),
  },
  'stalled JSON replies': {
    open: ({ key, sessionId }) =>
      many(async () => {
        const { headers, ...rest } = asking(user, toQuestion(key, sessionId), { 'Idempotency-Key': key });
        const connection = await openRaw(app.url, {
          ...rest,
          headers: { ...headers, Accept: 'application/json' },
          neverReads: true,
        });
        return connection.destroy;
      }),
  },
};

async function openStreams({ turnId }: { readonly turnId: string }) {
  return many(async () => {
    const connection = await openRaw(app.url, { ...following(user, turnId, 0), neverReads: true });
    return connection.destroy;
  });
}

const toQuestion = (query: string, sessionId: string) => ({
  character_id: characterId,
  query,
  session_id: sessionId,
});

/** The result of the probe child. */
interface Delay {
  readonly ms: number;
  readonly workedMs: number;
}

/** @returns how long another user waited for a reply during the burst. */
async function worstDelay(key: string, { open, isLate = false }: (typeof kinds)[string]): Promise<Delay> {
  const { opened: bursts, open: burst } = createGate();
  const { opened: ends, open: end } = createGate();
  upstream.on(key, async (reply) => {
    await reply.say('First');
    await bursts;
    await reply.raw(burstOf(reply));
    await reply.raw(
      dataFrame(inEnvelope(reply.turn, 'message', { id: reply.messageId, answer: 'Last' }), '1.x'),
    );
    await ends;
    await reply.end();
  });
  const created = await user.post('/api/chat/session', { character_id: characterId });
  const sessionId = String(created.body.data.session_id);
  const { opened: first, open: hasFirst } = createGate();
  const { opened: last, open: hasLast } = createGate();
  let turnId = '';
  const reading = await openRaw(app.url, {
    ...asking(user, toQuestion(key, sessionId), { 'Idempotency-Key': key }),
    onFrame({ data }) {
      turnId = String(data.turn_id);
      if (data.answer === 'First') hasFirst();
      if (String(data.answer).endsWith('Last')) hasLast();
    },
  });
  await Promise.race([first, reading.over]);
  expect(reading.status()).toBe(200);
  const turn = { turnId, sessionId, key };
  const closing = isLate ? [] : [...(await open(turn))];
  await pause(settleMs);
  await probe.tell('start');
  await pause(100);
  burst();
  await last;
  if (isLate) closing.push(...(await open(turn)));
  await pause(settleMs);
  end();
  await reading.over;
  await pause(settleMs);
  const [ms = NaN, workedMs = NaN] = (await probe.tell('stop')).split(' ').map(Number);
  expect(reading.isWhole()).toBe(true);
  for (const close of closing) close();
  return { ms, workedMs };
}

describe('burst of events in an answer', () => {
  it.each(Object.entries(kinds))(
    'with %s delays other requests by at most half a second',
    async (name, kind) => {
      const delays: Delay[] = [];
      for (let round = 0; round < rounds; round += 1) {
        delays.push(await worstDelay(`${name} ${round}`.replaceAll(' ', '-'), kind));
      }
      const least = (what: keyof Delay) => Math.round(Math.min(...delays.map((delay) => delay[what])));
      report(`a burst with ${name}`, {
        'events in one burst': events,
        'readers that never read': name === 'no stalled readers' ? 0 : readers,
        'ms until the slowest reply to another user': delays.map(({ ms }) => Math.round(ms)).join('/'),
        'ms of them at work': delays.map(({ workedMs }) => Math.round(workedMs)).join('/'),
      });
      // The best of several rounds counts, because other work of the machine slows the others.
      expect(least('workedMs')).toBeLessThan(500);
    },
    classTimeoutMs,
  );
});
