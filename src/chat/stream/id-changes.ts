import type { Envelope, WireEvent } from '../contract/stream-event';

/** The ids that can change within a turn. */
type ChangingIds = Pick<Envelope, 'conversation_id' | 'message_id'>;

/** Finds the events with which a compact stream must send the ids. It gets all events of a turn, in order. */
export interface IdChanges {
  /** Returns whether ids differ from those that the stream has sent. From then on, they count as sent. */
  areNew(ids: ChangingIds): boolean;
  /** The same for an event. False for an event that has no ids in a compact stream. */
  isNewIn(event: WireEvent): boolean;
}

const withIds: ReadonlySet<WireEvent['event']> = new Set(['turn_started', 'message', 'message_replace']);

export function createIdChanges(): IdChanges {
  let sent: ChangingIds | undefined;
  return { areNew, isNewIn: (event) => withIds.has(event.event) && areNew(event) };

  function areNew(ids: ChangingIds): boolean {
    const isSame = sent?.conversation_id === ids.conversation_id && sent.message_id === ids.message_id;
    sent = ids;
    return !isSame;
  }
}
