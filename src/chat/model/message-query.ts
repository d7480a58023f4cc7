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

/** The place after one message in a list from newest to oldest. */
export interface Cursor {
  readonly createdAt: Date;
  readonly id: number;
}

/** Selects and sorts the owner's messages, and limits them to a part. */
export interface MessageQuery {
  readonly filter: Filter | null;
  /** Empty means newest first. */
  readonly sort: readonly SortKey[];
  readonly offset: number;
  readonly limit: number;
  /** Null unless `sort` is empty and `offset` is 0. */
  readonly cursor: Cursor | null;
}
