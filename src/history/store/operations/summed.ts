import type { HistoryRecord } from '../../model/record';

/** The data of a record that the sums need. */
export interface Summed {
  readonly recordId: string;
  readonly conversationId: string;
  /** Null if the user is unknown. Then only the sums of all users include the record. */
  readonly userDocumentId: string | null;
  readonly characterId: string | null;
  readonly model: string;
  readonly usage: HistoryRecord['usage'];
  readonly firstTokenMs: number | null;
  readonly isError: boolean;
  readonly timeMs: number;
}

/** A record with its messages, which give the title of a conversation. */
export interface Titled extends Summed {
  readonly messages: readonly unknown[];
}

export type Owned<T> = T & { readonly userDocumentId: string };

export function isOwned<T extends Summed>(record: T): record is Owned<T> {
  return record.userDocumentId !== null;
}

/** The numbers that a record adds to a sum, in the order of `bucketSums`. */
export function toSums({ usage, isError }: Pick<Summed, 'usage' | 'isError'>): number[] {
  return [
    1,
    isError ? 1 : 0,
    usage.promptTokens,
    usage.completionTokens,
    usage.totalTokens,
    usage.priceNanos,
  ];
}
