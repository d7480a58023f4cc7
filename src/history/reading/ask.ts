import { ChatError } from '../../chat/errors';
import type { HistoryStore } from '../model/store';

/** Creates a function that asks the store. It reports any failure of the store as `history-unavailable`. */
export function createAsk<Store = HistoryStore>(store: Store | null) {
  return async function ask<T>(use: (store: Store) => Promise<T>): Promise<T> {
    if (store === null) throw new ChatError('history-unavailable');
    try {
      return await use(store);
    } catch (cause) {
      throw new ChatError('history-unavailable', { cause });
    }
  };
}
