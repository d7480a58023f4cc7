import type { SavedTurn } from '../../chat';
import { toMessage, type MessageRow } from '../messages/rows';

/** Returns a turn from its rows, the question first. Returns null if one of the two rows is missing. */
export function toSavedTurn(rows: readonly MessageRow[]): SavedTurn | null {
  const [question, answer] = rows.map(toMessage);
  return question === undefined || answer === undefined ? null : [question, answer];
}
