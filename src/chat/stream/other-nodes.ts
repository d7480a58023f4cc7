import { z } from 'zod';

import type { StreamFormat, TerminalWireEvent } from '../contract/stream-event';
import type { Nodes } from '../ports/nodes/nodes';
import type { TurnSettings } from '../settings';
import type { Batches } from './follower';
import { endElsewhere, followElsewhere } from './elsewhere';
import { createJoinedTurns } from './joined-turns';
import type { LiveTurns } from './live-turns';
import type { SavedTurnOptions } from './saved-turn';

/** The turns that other nodes answer. */
export interface OtherNodes {
  follow(
    turnId: string,
    saved: SavedTurnOptions,
    cursor: number,
    signal: AbortSignal,
    format?: StreamFormat,
  ): Batches;
  /** Waits for the end. @returns its event; null if the turn is gone or `signal` fires first. */
  awaitEnd(turnId: string, saved: SavedTurnOptions, signal: AbortSignal): Promise<TerminalWireEvent | null>;
  /**
   * Asks the node that answers a turn to stop it, and waits for the end.
   * @returns whether the turn has ended. False if other nodes cannot be reached, or none answers the turn.
   */
  stop(turnId: string, saved: SavedTurnOptions): Promise<boolean>;
}

export interface OtherNodesOptions {
  readonly nodes: Nodes;
  readonly live: LiveTurns;
  readonly settings: Pick<TurnSettings, 'maxLogChars' | 'stopGraceMs'>;
}

/** A turn that is silent for so long can have ended: its node can be dead. Then each node asks the database. */
const silentMs = 1_000;
const stopTopic = 'stop';
const message = z.object({ turnId: z.string() });
/** How long the end of a stopped turn may take to be saved and to arrive here. */
const endArrivesMs = 2_000;

export function createOtherNodes({ nodes, live, settings }: OtherNodesOptions): OtherNodes {
  const { bus, liveEvents } = nodes;
  const { maxLogChars: maxChars } = settings;
  const joined = createJoinedTurns({ liveEvents, maxChars, silentMs });
  let backAgain = new AbortController();
  bus.onBack(() => {
    backAgain.abort();
    backAgain = new AbortController();
  });
  bus.listen(stopTopic, (given) => {
    live.find(message.safeParse(given).data?.turnId ?? '')?.requestEnd('stop');
  });
  const toOptions = (turnId: string, saved: SavedTurnOptions) => ({
    turnId,
    saved,
    joined,
    back: () => backAgain.signal,
  });
  return {
    follow: (turnId, saved, cursor, signal, format) =>
      followElsewhere(toOptions(turnId, saved), cursor, signal, format),
    awaitEnd: (turnId, saved, signal) => endElsewhere(toOptions(turnId, saved), signal),
    async stop(turnId, saved) {
      if (!bus.isConnected()) return false;
      bus.send(stopTopic, { turnId });
      const until = AbortSignal.timeout(settings.stopGraceMs + endArrivesMs);
      return (await endElsewhere(toOptions(turnId, saved), until)) !== null;
    },
  };
}
