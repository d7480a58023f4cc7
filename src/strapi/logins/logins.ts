import type { Core } from '@strapi/strapi';
import { z } from 'zod';

import { createLoginWatch, type LoginWatch } from './login-watch';
import { createLogins, type Logins } from '../../database/users/logins';
import { createTokens, type Tokens } from '../../database/users/tokens';
import { noOtherNodes, type NodeBus } from '../../chat';
import { nowAndOnCommit } from '../../database/cache/when-changed';
import { afterCommit } from '../../database/sql/transaction';
import { tokenSettingsOf } from './token-settings';

/** The logins of users in this process. */
export interface UserLogins {
  readonly store: Logins;
  readonly tokens: Tokens;
  readonly watch: LoginWatch;
  /**
   * Returns whether a login that was good still is. SQLite has only one process, so the answer is always yes:
   * `onEnded` notifies this process. On PostgreSQL, one statement checks all requests of the moment. A login without a
   * session needs no check.
   */
  isStillGood(sessionId: string | null): Promise<boolean>;
  /** Calls `listener` when this process or another node has ended logins. */
  onEnded(listener: () => void): void;
  /**
   * Reports that this process has ended logins of these accounts. In a transaction, it reports this again after the
   * commit. Other nodes learn of it after the commit.
   */
  ended(userIds: readonly number[]): Promise<void>;
  /** From now on, this process tells other nodes which logins it has ended, and learns it from them. */
  shareEnds(bus: NodeBus): void;
}

const topic = 'logins';
const message = z.object({ userIds: z.array(z.number().int()) });

const all = new WeakMap<Core.Strapi, UserLogins>();
const untied = new WeakSet<Core.Strapi>();

/** Reads Strapi's own sessions, which nothing ties to accounts. Call it before `loginsOf`. */
export function readStockSessions(strapi: Core.Strapi): void {
  untied.add(strapi);
}

/** Returns the logins of this Strapi instance, made once. */
export function loginsOf(strapi: Core.Strapi): UserLogins {
  const existing = all.get(strapi);
  if (existing !== undefined) return existing;
  const tokens = createTokens(strapi.db, tokenSettingsOf(strapi).endWithPassword);
  const store = createLogins(strapi.db, tokens, !untied.has(strapi));
  const watch = createLoginWatch(store, strapi.log);
  const listeners: (() => void)[] = [];
  let bus = noOtherNodes;
  const mayEndElsewhere = strapi.db.dialect.client === 'postgres';
  const logins: UserLogins = {
    store,
    tokens,
    watch,
    isStillGood: async (sessionId) =>
      !mayEndElsewhere || sessionId === null || (await store.findAccountId(sessionId)) !== null,
    onEnded: (listener) => void listeners.push(listener),
    async ended(userIds) {
      await nowAndOnCommit(strapi.db, () => notice(userIds));
      await afterCommit(strapi.db, () => bus.send(topic, { userIds }));
    },
    shareEnds(to) {
      bus = to;
      bus.listen(topic, (given) => {
        const { data } = message.safeParse(given);
        if (data !== undefined) notice(data.userIds);
      });
    },
  };
  all.set(strapi, logins);
  return logins;

  function notice(userIds: readonly number[]): void {
    for (const listener of listeners) listener();
    watch.checkSoon(userIds);
  }
}
