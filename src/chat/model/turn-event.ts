import type { ChatErrorCode } from '../errors';
import type { SavedTurn } from './turn';

/**
 * What happens during a turn, in order: one `started`, then deltas and replacements, then exactly one terminal
 * event (`ended` or `failed`), told only once the answer is saved.
 */
export type TurnEvent =
  | { readonly type: 'started' }
  | { readonly type: 'delta'; readonly text: string }
  | { readonly type: 'replaced'; readonly text: string }
  | TerminalEvent;

export type TerminalEvent =
  | { readonly type: 'ended'; readonly outcome: 'completed' | 'stopped'; readonly saved: SavedTurn }
  | { readonly type: 'failed'; readonly outcome: 'interrupted' | 'failed'; readonly code: ChatErrorCode };
