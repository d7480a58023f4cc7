import { describeError, LoggableError, type LiveEvents, type Log, type NodeBus } from '../../chat';
import type { Channels } from './channels';
import type { Redis } from './connection';
import { joinTurn } from './join-turn';
import { createSharing } from './sharing';

export interface LiveEventsOptions {
  readonly redis: Redis;
  readonly channels: Channels;
  readonly bus: NodeBus;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Keeps the events of each running turn in a stream of Redis. An entry has the events of one or more iterations of the
 * event loop. Its id in the stream is the id of its last event, so a reader can begin after any event, and Redis refuses
 * an entry that it has already.
 */
export function createLiveEvents({ redis, channels, bus, log }: LiveEventsOptions): LiveEvents {
  let hasWarned = false;
  const sharing = createSharing(redis, (error) => {
    if (hasWarned) return;
    hasWarned = true;
    const cause = error instanceof Error ? new LoggableError('REDIS', error.message) : error;
    log.warn(`Redis refuses the events of turns. Other nodes follow the saved text: ${describeError(cause)}`);
  });
  sharing.listen(bus);
  return {
    share: sharing.share,
    join: (turnId, reader, isRunning) => joinTurn({ redis, channels, bus }, { turnId, isRunning, reader }),
  };
}
