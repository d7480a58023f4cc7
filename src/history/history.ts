import type { CharacterSource } from '../chat/ports/character-source';
import type { UserSource } from '../chat/ports/user-source';
import type { Log } from '../chat/shared/log';
import { createHistoryWriter, type HistoryWriter } from './copying/writer';
import type { HistorySource } from './model/source';
import type { HistoryStore } from './model/store';
import type { HistoryNaming } from './naming/history-naming';
import { createHistoryAccess, type HistoryAccess } from './reading/access';

export interface HistoryDependencies {
  readonly source: HistorySource;
  /** Null where the history is not set up: nothing is copied, and the history is unavailable. */
  readonly store: (HistoryStore & HistoryNaming) | null;
  readonly characters: CharacterSource;
  readonly users: UserSource;
  readonly log: Log;
  /** The name under which the model is recorded. */
  readonly model: string;
  /** For how many days records are kept; 0 keeps them all. */
  readonly retentionDays: number;
}

/** The record of finished generations. */
export interface History {
  readonly access: HistoryAccess;
  /** Not started. Null where the history is not set up. */
  readonly writer: HistoryWriter | null;
}

export function createHistory({ store, source, model, ...dependencies }: HistoryDependencies): History {
  const { characters, users, log, retentionDays } = dependencies;
  return {
    access: createHistoryAccess({ store, characters, users, retentionDays }),
    writer: store === null ? null : createHistoryWriter({ source, store, users, log, model }),
  };
}
