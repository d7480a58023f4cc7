import { startApp, type App } from '../support/app';
import type { Client } from '../support/client';
import { connect, turnFrames, type Device, type SocketFrame } from '../support/socket-client';
import { withoutLimits } from './support/env';
import { randomFor } from './support/random';
import { classTimeoutMs, report, scale } from './support/scale';
import { createUpstream, piecesOf, telling, type Upstream } from './support/upstream';

const clients = scale({ full: 500, smoke: 50 });
const drops = scale({ full: 100, smoke: 20 });

/** Timeout for one frame. Many clients on a busy machine wait for each other. */
const frameTimeoutMs = scale({ full: 300_000, smoke: 45_000 });

let app: App;
let users: Client[];
let characterId: string;
let upstream: Upstream;

beforeAll(async () => {
  app = await startApp({ env: { ...withoutLimits, CHAT_WS_MAX_PER_USER: '10000' } });
  users = await Promise.all(Array.from({ length: 5 }, () => app.createUser()));
  characterId = (await app.admin.createCharacter()).documentId;
  upstream = createUpstream(app.dify);
});
afterAll(() => app.stop());

const userOf = (index: number): Client => users[index % users.length] ?? app.anonymous;
const isTerminal = ({ event }: SocketFrame) => event === 'message_end' || event === 'error';

async function newSession(as: Client): Promise<string> {
  return (await as.post('/api/chat/session', { character_id: characterId })).body.data.session_id;
}

async function open(sessionId: string, as: Client): Promise<Device> {
  const device = await connect(app.url, `/ws/${sessionId}`, { token: as.token });
  await device.until(({ event }) => event === 'connected', frameTimeoutMs);
  return device;
}

/** Returns the text that a client shows. It starts again with each `turn_started`. */
function shown(frames: readonly SocketFrame[]): string {
  return frames.reduce((text, { event, answer }) => {
    if (event === 'turn_started') return '';
    if (event === 'message') return text + String(answer);
    return event === 'message_replace' ? String(answer) : text;
  }, '');
}

describe('many WebSocket clients of one process', () => {
  it(
    'each receive every event of their session in order, and no event of another session',
    async () => {
      const pieces = 40;
      const since = Date.now();
      const inOrder = await Promise.all(
        Array.from({ length: clients }, async (_, index) => {
          const [user, query] = [userOf(index), `Many ${index}`];
          const whole = piecesOf(query, pieces);
          upstream.on(
            query,
            telling(whole, () => 5),
          );
          const sessionId = await newSession(user);
          const device = await open(sessionId, user);
          device.send({ type: 'ask', query });
          const { turn_id: turnId } = await device.until(isTerminal, frameTimeoutMs);
          const frames = turnFrames(device.frames, turnId);
          await device.leave();
          return (
            shown(frames) === whole.join('') &&
            frames.every(({ seq }, at) => seq === at + 1) &&
            device.frames.every((frame) => frame['session_id'] === sessionId || frame['turn_id'] === turnId)
          );
        }),
      );
      const wrong = inOrder.filter((isRight) => !isRight).length;
      report('WebSocket clients', {
        clients,
        'not whole or not in order': wrong,
        seconds: ((Date.now() - since) / 1000).toFixed(1),
      });
      expect(wrong).toBe(0);
    },
    classTimeoutMs,
  );
});

describe('WebSocket client that loses its connection repeatedly', () => {
  it(
    'receives every turn completely',
    async () => {
      const user = userOf(0);
      const sessionId = await newSession(user);
      const random = randomFor('drops', 0);
      let dropped = 0;
      let lost = 0;
      let turns = 0;
      while (dropped < drops) {
        const query = `Dropped ${turns}`;
        const whole = piecesOf(query, 60);
        upstream.on(
          query,
          telling(whole, () => 3),
        );
        turns += 1;
        const { text, times } = await readDropping(user, sessionId, query, () => random.between(1, 20));
        dropped += times;
        if (text !== whole.join('')) lost += 1;
      }
      report('WebSocket drops', { drops: dropped, turns, 'turns not whole': lost });
      expect(lost).toBe(0);
    },
    classTimeoutMs,
  );

  /** Asks, and drops the connection each time `after()` new events have arrived, until the final event. */
  async function readDropping(user: Client, sessionId: string, query: string, after: () => number) {
    const seen: SocketFrame[] = [];
    let times = 0;
    let last = 0;
    for (;;) {
      const device = await open(sessionId, user);
      // The client does not know whether the question arrived, so it sends the same key again.
      device.send({ type: 'ask', query, idempotency_key: query.replaceAll(' ', '-') });
      const enough = last + after();
      const { turn_id: turnId } = await device.until(
        (frame) => isTerminal(frame) || (frame.seq ?? 0) >= enough,
        frameTimeoutMs,
      );
      seen.push(...turnFrames(device.frames, turnId));
      device.drop();
      last = seen.at(-1)?.seq ?? 0;
      if (seen.some(isTerminal)) return { text: shown(seen), times };
      times += 1;
    }
  }
});
