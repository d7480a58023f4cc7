import type { Filter } from './filter';

export const sortFields = [
  'id',
  'message_id',
  'role',
  'query',
  'answer',
  'conversation_id',
  'turn_id',
  'message_status',
  'outcome',
  'createdAt',
  'updatedAt',
] as const;

export type SortField = (typeof sortFields)[number];

export interface SortKey {
  readonly field: SortField;
  readonly descending: boolean;
}

/** The place after one message in the order newest first. */
export interface Cursor {
  readonly createdAt: Date;
  readonly id: number;
}

/** Which of the owner's messages, in which order, and which part of them. */
export interface MessageQuery {
  readonly filter: Filter | null;
  /** Empty means newest first. */
  readonly sort: readonly SortKey[];
  readonly offset: number;
  readonly limit: number;
  /** Set only where `sort` is empty; then `offset` is 0. */
  readonly cursor: Cursor | null;
}
