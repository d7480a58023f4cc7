import { setTimeout } from 'node:timers/promises';

import { isChatErrorCode } from '../errors';
import type { Frame } from './sse';
import type { SavedTurn } from '../model/turn';
import type { TerminalEvent, TurnEvent } from '../model/turn-event';
import { isTerminal, type TerminalWireEvent } from '../contract/stream-event';
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
 * and saves it about once a second. This process has no log of it. So a client that has seen a part gets the whole text
 * again, and the ids continue after its cursor.
 */
export async function* followSaved(
  options: SavedTurnOptions,
  /** The id of the last event that the client has; 0 for none. */
  cursor: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Frame[], void> {
  let id = Math.max(0, cursor);
  const toLogged = (events: readonly TurnEvent[]) =>
    events.map((event) => ({ id: (id += 1), data: JSON.stringify(options.wire.event(event)) }));

  let shown = '';
  if (signal.aborted) return;
  yield toLogged(id === 0 ? [{ type: 'started' }] : [{ type: 'replaced', text: '' }]);
  for await (const saved of savedStates(options, signal)) {
    const text = saved[1].answer ?? '';
    const terminal = toTerminalEvent(saved);
    const events = [...toDelta(shown, text), ...(terminal === null ? [] : [terminal])];
    if (events.length > 0) yield toLogged(events);
    shown = text;
  }
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

function toDelta(shown: string, text: string): TurnEvent[] {
  if (text === shown) return [];
  if (text.startsWith(shown)) return [{ type: 'delta', text: text.slice(shown.length) }];
  return [{ type: 'replaced', text }];
}
