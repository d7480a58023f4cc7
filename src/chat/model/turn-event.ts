import type { ChatErrorCode } from '../errors';
import type { Message } from '../message/list';

/** The states of a turn. Every one but `pending` is final: a final state never changes. */
export const turnOutcomes = ['pending', 'completed', 'stopped', 'interrupted', 'failed'] as const;
export type TurnOutcome = (typeof turnOutcomes)[number];
export type FinalOutcome = Exclude<TurnOutcome, 'pending'>;

/** Token counts and prices of one answer, as Dify reports them in `message_end`. */
export type Usage = Readonly<Record<string, string | number | null>>;

/** The two saved lines of a turn: the question, then the answer. */
export type SavedTurn = readonly [question: Message, answer: Message];

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
