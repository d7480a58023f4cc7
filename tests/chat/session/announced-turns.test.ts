import { watchOtherNodes } from '../../../src/chat/session/announced-turns';
import { createSessionFeed } from '../../../src/chat/session/feed';
import { createLiveTurns, createTurnLog } from '../../../src/chat/stream/live-turns';
import type { NodeBus } from '../../../src/chat/ports/nodes/node-bus';
import { createGate, settle } from '../support/collect';
import { ada } from '../support/fixtures';
import { failed as ended, said } from '../support/stream-events';

const session = { sessionId: 'session-1', ownerId: ada.id };

/** Connects a client to a node that has just begun to listen to the others. */
function connect({ told, liveNow }: { readonly told: string | null; readonly liveNow: string | null }) {
  const elsewhere = createTurnLog({ turnId: 'turn-1', ...session, rateLimit: null, maxChars: 1e6 });
  const live = createLiveTurns();
  const frames: unknown[] = [];
  const listening = createGate();
  const { signal } = new AbortController();
  const bus: NodeBus = {
    send: () => undefined,
    listen: () => ({ begun: listening.opened, end: () => undefined }),
    onBack: () => () => undefined,
    isConnected: () => true,
  };
  const feed = createSessionFeed({
    live,
    events: { publish: () => undefined, subscribe: () => () => undefined },
    owner: ada,
    sessionId: session.sessionId,
    outlet: {
      send: (frame) => void frames.push(JSON.parse(frame)),
      hasRoom: () => true,
      room: () => Promise.resolve(),
    },
    onBroken: () => undefined,
    signal,
  });
  watchOtherNodes({
    live,
    bus,
    turns: { follow: async () => (until) => elsewhere.follow(0, until) },
    sessions: { find: async () => ({ liveTurnId: liveNow }) as never },
    owner: ada,
    sessionId: session.sessionId,
    liveTurnId: told,
    feed,
    signal,
  });
  return { elsewhere, frames, listening, feed };
}

describe('a client of a session that another node answers', () => {
  it('gets the turn that runs when it connects', async () => {
    const { elsewhere, frames, listening, feed } = connect({ told: 'turn-1', liveNow: 'turn-1' });
    elsewhere.append(said('a'));
    listening.open();
    await settle();
    elsewhere.append(ended);
    await feed.idle();
    expect(frames).toEqual([
      { seq: 1, ...said('a') },
      { seq: 2, ...ended },
    ]);
  });

  it('gets a turn that it was told to be live, although the turn has ended since', async () => {
    const { elsewhere, frames, listening } = connect({ told: 'turn-1', liveNow: null });
    elsewhere.append(said('a'));
    elsewhere.append(ended);
    listening.open();
    await settle();
    expect(frames).toHaveLength(2);
  });

  it('gets a turn that began after it connected and before the node listened', async () => {
    const { elsewhere, frames, listening } = connect({ told: null, liveNow: 'turn-1' });
    elsewhere.append(said('a'));
    elsewhere.append(ended);
    listening.open();
    await settle();
    expect(frames).toHaveLength(2);
  });
});
