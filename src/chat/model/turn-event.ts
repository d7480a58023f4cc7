import type { ChatErrorCode } from '../errors';
import type { AnswerFile } from './file';
import type { SavedTurn } from './turn';

/**
 * An event of a turn. The order is: one `started`, some `queued`, deltas, replacements and files, exactly one terminal event.
 * The terminal event (`ended` or `failed`) is sent only after the answer is saved.
 */
export type TurnEvent =
  | { readonly type: 'started' }
  /** The question waits to be sent. 1 is the place of the next one. */
  | { readonly type: 'queued'; readonly place: number }
  | { readonly type: 'delta'; readonly text: string }
  | { readonly type: 'replaced'; readonly text: string }
  | { readonly type: 'file'; readonly file: AnswerFile }
  | TerminalEvent;

export type TerminalEvent =
  | { readonly type: 'ended'; readonly outcome: 'completed' | 'stopped'; readonly saved: SavedTurn }
  | {
      readonly type: 'failed';
      readonly outcome: 'interrupted' | 'failed';
      readonly code: ChatErrorCode;
      /** Says more than the sentence of the code. It is not saved. */
      readonly sentence?: string;
    };
