import type { Log } from '../../chat/shared/log';
import type { UserSource } from '../../chat/ports/users/user-source';
import { at } from '../model/unavailable';
import type { FormerErasure, FormerUser, HistoryNaming } from './history-naming';
import type { HistorySource } from '../model/source';
import type { Erasure, HistoryStore } from '../model/store';

export interface NamingOptions {
  readonly source: Pick<HistorySource, 'findTurnOwners' | 'findSessionOwners'>;
  readonly store: HistoryNaming & Pick<HistoryStore, 'erase'>;
  readonly users: UserSource;
  readonly log: Log;
}

/** Finds the users of data that an older version saved by number. Each method throws `Unavailable`. */
export interface Naming {
  /**
   * Names the users of erased conversations, found by their sessions. It must run before the writer copies anything,
   * so that erased turns do not come back.
   */
  nameErasures(): Promise<void>;
  /** Names the next few records. @returns whether more may remain. */
  nameSome(): Promise<boolean>;
}

const erasuresAtOnce = 200;

export function createNaming({ source, store, users, log }: NamingOptions): Naming {
  let lookedFor = 0;

  return {
    async nameErasures() {
      let after: FormerErasure | null = null;
      for (;;) {
        const erasures: readonly FormerErasure[] = await at(
          'history',
          store.listFormerErasures(after, erasuresAtOnce),
        );
        const sessionIds = erasures.map(({ conversationId }) => conversationId);
        const owners = await at('main-database', source.findSessionOwners(sessionIds));
        for (const { conversationId, before } of erasures) {
          const userDocumentId = owners.get(conversationId);
          if (userDocumentId === undefined) continue;
          const erasure: Erasure = { userDocumentId, conversationId, before };
          await at('history', store.erase(erasure));
        }
        after = erasures.at(-1) ?? null;
        if (erasures.length < erasuresAtOnce) return;
      }
    },

    async nameSome() {
      const unnamed = await at('history', store.listUnnamed());
      if (unnamed === null) return false;
      if ('users' in unnamed) {
        await nameNumbers(unnamed.users);
        return false;
      }
      if (lookedFor === 0) log.info('The history names users by number. Looking up their documentIds.');
      const turnIds = unnamed.records.map(({ id }) => id);
      const owners = await at('main-database', source.findTurnOwners(turnIds));
      const matches = unnamed.records.map((position) => ({
        position,
        userDocumentId: owners.get(position.id) ?? null,
      }));
      await at('history', store.match(matches));
      lookedFor += matches.length;
      return true;
    },
  };

  async function nameNumbers(numbers: readonly FormerUser[]): Promise<void> {
    const ids = numbers.map(({ formerUserId }) => formerUserId);
    const today = await at('main-database', users.findDocumentIds(ids));
    let left = numbers.reduce((sum, { records }) => sum + records, 0);
    for (const id of ids) left -= await at('history', store.matchNumber(id, today.get(id) ?? null));
    await at('history', store.endNaming());
    if (lookedFor > 0) log.info(`The history names users by documentId: looked for ${lookedFor} records.`);
    lookedFor = 0;
    if (left > 0) {
      log.warn(
        `${left} records of the history have a number as their user, and nothing proves whose it was. ` +
          'No list shows them. The command "history unassigned" lists the numbers.',
      );
    }
  }
}
