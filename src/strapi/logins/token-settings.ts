import type { Core } from '@strapi/strapi';

export interface TokenSettings {
  /** How many personal tokens one account can have. */
  readonly perUser: number;
  /** Whether a new password also ends the personal tokens of the account. */
  readonly endWithPassword: boolean;
}

const given = new WeakMap<Core.Strapi, TokenSettings>();

/** Sets the settings for a Strapi whose users-permissions does not have them. Call it before `loginsOf`. */
export function useTokenSettings(strapi: Core.Strapi, settings: TokenSettings): void {
  given.set(strapi, settings);
}

/** Returns the settings of personal tokens. */
export function tokenSettingsOf(strapi: Core.Strapi): TokenSettings {
  const read = <T>(name: string, fallback: T) =>
    strapi.config.get<T>(`plugin::users-permissions.${name}`, fallback);
  return (
    given.get(strapi) ?? {
      perUser: read('tokensPerUser', 20),
      endWithPassword: read('endTokensWithPassword', true),
    }
  );
}
