import type { SavedTurn } from '../../chat';
import { toMessage, type MessageRow } from '../messages/rows';

/** @param rows of one turn, the question first. Null where one of the two is missing. */
export function toSavedTurn(rows: readonly MessageRow[]): SavedTurn | null {
  const [question, answer] = rows.map(toMessage);
  return question === undefined || answer === undefined ? null : [question, answer];
}
