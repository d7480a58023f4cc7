import { createLiveTurns } from '../../../src/chat/stream/live-turns';
import { createSessionEvents } from '../../../src/chat/session/events';
import { createSessionFeed, type Outlet } from '../../../src/chat/session/feed';
import { noOtherNodes } from '../../../src/chat/ports/nodes/node-bus';
import { ada } from './fixtures';

/** Creates the sources of a feed of `session-1`. `open` starts a feed to the outlet, and `gone.abort()` ends it. */
export function createFeedSurroundings(outlet: Outlet, onBroken: (turnId: string) => void = () => undefined) {
  const [live, events, gone] = [createLiveTurns(), createSessionEvents(noOtherNodes), new AbortController()];
  const open = () =>
    createSessionFeed({
      live,
      events,
      owner: ada,
      sessionId: 'session-1',
      outlet,
      onBroken,
      signal: gone.signal,
    });
  return { live, events, gone, open };
}
