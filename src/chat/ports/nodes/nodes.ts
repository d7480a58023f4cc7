import { noLiveEvents, type LiveEvents } from './live-events';
import { noOtherNodes, type NodeBus } from './node-bus';

/** The other processes of this installation. */
export interface Nodes {
  readonly bus: NodeBus;
  readonly liveEvents: LiveEvents;
}

/** For a process that works alone. */
export const alone: Nodes = { bus: noOtherNodes, liveEvents: noLiveEvents };
