import type { Core } from '@strapi/strapi';

import { tokenSettingsOf } from './token-settings';
import { loginsOf } from './logins';

const userUid = 'plugin::users-permissions.user';

interface Event {
  readonly params: {
    readonly where?: unknown;
    readonly data?: { readonly password?: unknown; readonly blocked?: unknown };
  };
  /** Carries data from the hook before a change to the hook after it. */
  state: { userIds?: readonly number[] };
}

/**
 * Ends all logins of an account that is blocked or deleted, or that gets another password, by any API. A setting keeps
 * personal tokens after a new password. It finds the accounts before the change, because `where` may not match them
 * afterwards.
 */
export function endLoginsWithAccount(strapi: Core.Strapi): void {
  onAccountEnds(strapi, async (userIds, { withTokens }) => {
    await loginsOf(strapi).store.endAllOf(userIds, { withTokens });
  });
}

/** Ends only the personal tokens of such an account. For a host, whose sessions are its own. */
export function endTokensWithAccount(strapi: Core.Strapi): void {
  onAccountEnds(strapi, async (userIds, { withTokens }) => {
    if (withTokens) await loginsOf(strapi).tokens.endAll(userIds);
  });
}

type End = (userIds: readonly number[], options: { readonly withTokens: boolean }) => Promise<void>;

function onAccountEnds(strapi: Core.Strapi, endAll: End): void {
  const find = async ({ params, state }: Event) => {
    state.userIds = await idsOf(params.where);
  };
  const findIfEnding = async (event: Event) => {
    if (isEnding(event)) await find(event);
  };

  strapi.db.lifecycles.subscribe({
    models: [userUid],
    beforeUpdate: findIfEnding,
    beforeUpdateMany: findIfEnding,
    beforeDelete: find,
    beforeDeleteMany: find,
    afterUpdate: endUpdated,
    afterUpdateMany: endUpdated,
    afterDelete: ({ state }: Event) => end(state.userIds),
    afterDeleteMany: ({ state }: Event) => end(state.userIds),
  });

  async function endUpdated({ params, state: { userIds } }: Event): Promise<void> {
    if (userIds === undefined) return;
    await end(await idsOf({ id: { $in: userIds }, blocked: true }));
    if (params.data?.password !== undefined) await end(userIds, tokenSettingsOf(strapi).endWithPassword);
  }

  async function end(userIds: readonly number[] = [], withTokens = true): Promise<void> {
    if (userIds.length === 0) return;
    await endAll(userIds, { withTokens });
    await loginsOf(strapi).ended(userIds);
  }

  async function idsOf(where: unknown): Promise<number[]> {
    const found = await strapi.db.query(userUid).findMany({ where: where as object, select: ['id'] });
    return (found as { id: number }[]).map(({ id }) => id);
  }
}

function isEnding({ params: { data } }: Event): boolean {
  return data?.password !== undefined || Boolean(data?.blocked);
}
