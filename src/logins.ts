import type { Core } from '@strapi/strapi';

import { createLoginWatch, type LoginWatch } from './login-watch';
import { createLogins, type Logins } from './stores/logins';
import { whenChanged } from './stores/when-changed';

/** The logins of users, in this process. */
export interface UserLogins {
  readonly store: Logins;
  readonly watch: LoginWatch;
  /** Called when a login may have ended. */
  onEndedSome(listener: () => void): void;
  /** Says that this process has ended logins. */
  endedSome(): void;
}

const all = new WeakMap<Core.Strapi, UserLogins>();

/** The logins of this Strapi, made once. */
export function loginsOf(strapi: Core.Strapi): UserLogins {
  const existing = all.get(strapi);
  if (existing !== undefined) return existing;
  const store = createLogins(strapi.db);
  const watch = createLoginWatch(store, strapi.log);
  const listeners = [watch.checkSoon];
  const endedSome = () => listeners.forEach((listener) => listener());
  whenChanged(strapi.db, ['plugin::users-permissions.user'], watch.checkSoon);
  const logins = {
    store,
    watch,
    endedSome,
    onEndedSome: (listener: () => void) => void listeners.push(listener),
  };
  all.set(strapi, logins);
  return logins;
}
