import { setTimeout } from 'node:timers/promises';

import { isChatErrorCode } from '../errors';
import type { Frame } from './sse';
import { maxEventId } from '../model/event-id';
import type { SavedTurn } from '../model/turn';
import type { TerminalEvent, TurnEvent } from '../model/turn-event';
import {
  isTerminal,
  toCompactEvent,
  type StreamFormat,
  type TerminalWireEvent,
} from '../contract/stream-event';
import { createIdChanges } from './id-changes';
import type { WireFormat } from './formatter';

/** Returns the terminal event of a saved turn; null while the turn is pending. */
export function toTerminalEvent(saved: SavedTurn): TerminalEvent | null {
  const { outcome, errorCode } = saved[1];
  switch (outcome) {
    case 'completed':
    case 'stopped':
      return { type: 'ended', outcome, saved };
    case 'interrupted':
    case 'failed':
      return { type: 'failed', outcome, code: isChatErrorCode(errorCode) ? errorCode : 'internal' };
    case 'pending':
    case null:
      return null;
  }
}

export interface SavedTurnOptions {
  readonly saved: SavedTurn;
  readonly wire: WireFormat;
  /** Reads the turn again; null if it is gone. */
  readonly reload: () => Promise<SavedTurn | null>;
  readonly pollEveryMs: number;
}

/**
 * Follows the saved rows of a turn that does not run in this process. The turn has ended, or another process answers it
 * and saves it about once a second. The rows hold the id of the last event of their text, so the ids are those of the
 * process that answers. A client that has a part of the text gets one event that replaces it. The rows have the files
 * of the answer from its end on. A client can get a file again that it has.
 */
export async function* followSaved(
  options: SavedTurnOptions,
  /** The id of the last event that the client has; 0 for none. */
  cursor: number,
  signal: AbortSignal,
  format: StreamFormat = 'full',
): AsyncGenerator<readonly Frame[], void> {
  const ids = createIdChanges();
  const toFrame = (id: number, turnEvent: TurnEvent): Frame => {
    const event = options.wire.event(turnEvent);
    const isNew = ids.isNewIn(event);
    return { id, data: JSON.stringify(format === 'compact' ? toCompactEvent(event, isNew) : event) };
  };
  let seen = Math.max(0, cursor);
  /** The text that the client has; null while it is unknown. */
  let shown: string | null = null;
  if (signal.aborted) return;
  if (seen === 0) {
    yield [toFrame(startedId, { type: 'started' })];
    seen = startedId;
    shown = '';
  }
  for await (const saved of savedStates(options, signal)) {
    const text = saved[1].answer ?? '';
    const { textId, endId } = eventIdsOf(saved);
    const terminal = toTerminalEvent(saved);
    const frames: Frame[] = [];
    // With the last id that the client has, so that it gets them again if its connection breaks before the text.
    if (terminal !== null && textId > cursor)
      frames.push(...saved[1].answerFiles.map((file) => toFrame(seen, { type: 'file', file })));
    if (textId > seen) frames.push(...toTextEvents(shown, text).map((event) => toFrame(textId, event)));
    if (terminal !== null && endId > seen) frames.push(toFrame(endId, terminal));
    if (frames.length > 0) yield frames;
    if (textId >= seen) [seen, shown] = [textId, text];
  }
}

/** Returns whether a client with this event has all events of the turn, which has ended. */
export function hasSeenEnd(saved: SavedTurn, cursor: number): boolean {
  return toTerminalEvent(saved) !== null && cursor >= eventIdsOf(saved).endId;
}

const startedId = 1;

/** Returns the id of the last event of the saved text, and the id of the terminal event after the end. */
function eventIdsOf(saved: SavedTurn): { readonly textId: number; readonly endId: number } {
  const { lastEventId } = saved[1];
  if (toTerminalEvent(saved) === null) return { textId: lastEventId ?? startedId, endId: maxEventId };
  const endId = lastEventId ?? maxEventId;
  return { textId: endId - 1, endId };
}

/** Waits for the end of such a turn. @returns its terminal event; null if it is gone or `signal` fires first. */
export async function endOfSaved(
  options: SavedTurnOptions,
  signal: AbortSignal,
): Promise<TerminalWireEvent | null> {
  for await (const saved of savedStates(options, signal)) {
    const terminal = toTerminalEvent(saved);
    const event = terminal === null ? null : options.wire.event(terminal);
    if (event !== null && isTerminal(event)) return event;
  }
  return null;
}

/** Yields the saved turn again and again, until its end. */
async function* savedStates(
  { saved: first, wire, reload, pollEveryMs }: SavedTurnOptions,
  signal: AbortSignal,
): AsyncGenerator<SavedTurn, void> {
  let saved: SavedTurn | null = first;
  while (saved !== null && !signal.aborted) {
    wire.identify({ messageId: saved[1].messageId, conversationId: saved[1].conversationId ?? undefined });
    yield saved;
    if (toTerminalEvent(saved) !== null) return;
    await setTimeout(pollEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    // Throw nothing after a client has started to read. Ask again if the database is unavailable for a moment.
    const last: SavedTurn = saved;
    saved = await reload().catch(() => last);
  }
}

function toTextEvents(shown: string | null, text: string): TurnEvent[] {
  if (text === shown) return [];
  if (shown !== null && text.startsWith(shown)) return [{ type: 'delta', text: text.slice(shown.length) }];
  return [{ type: 'replaced', text }];
}
