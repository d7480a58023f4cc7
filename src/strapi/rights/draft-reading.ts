import type { Core } from '@strapi/strapi';

import { ChatError } from '../../chat';
import { asksForDrafts, type GetModel } from './draft-query';
import { characterUid } from '../../database/characters/uid';

/** The permission of a custom API token to read drafts. It belongs to no route. */
export const readDrafts = `${characterUid}.readDrafts`;

interface Auth {
  readonly strategy: { readonly name?: string };
  readonly credentials?: { readonly type?: string } | null;
  readonly ability?: { can(action: string): boolean } | null;
}

interface AuthService {
  verify(
    auth: Auth | undefined,
    config?: { readonly scope?: string | readonly string[] } | false,
  ): Promise<void>;
}

/**
 * Refuses drafts on every route of the content API. End users never get drafts. An API token needs full access or the
 * permission `readDrafts`, which a read-only token cannot have. Strapi itself answers `?status=draft` to everybody who
 * may read the type. It must run before the server handles requests, and after the strategies are registered.
 * @param isGuarded decides for each content type whether its routes are guarded.
 */
export function guardDrafts(strapi: Core.Strapi, isGuarded: (uid: string) => boolean = () => true): void {
  const auth = strapi.get('auth') as AuthService;
  const { verify } = auth;
  const getModel: GetModel = (uid) => strapi.getModel(uid as typeof characterUid);
  auth.verify = async (who, config) => {
    await verify(who, config);
    const sentence = who === undefined ? undefined : refusal(who);
    const uid = config === false ? undefined : uidOf(config?.scope);
    if (sentence === undefined || uid === undefined || !isGuarded(uid)) return;
    const query = strapi.requestContext.get()?.query;
    if (query !== undefined && asksForDrafts(getModel, uid, query))
      throw new ChatError('forbidden', { sentence });
  };
}

/**
 * Returns why this caller may not read drafts. Returns undefined if it may, or if it is no caller of the content API.
 */
function refusal({ strategy, credentials, ability }: Auth): string | undefined {
  if (strategy.name === 'users-permissions') return 'Drafts are for editors only.';
  if (strategy.name !== 'content-api-token' || credentials?.type === 'full-access') return undefined;
  if (credentials?.type === 'custom' && ability?.can(readDrafts) === true) return undefined;
  return 'This API token may not read drafts. Ask for published entries, or give it the right "readDrafts".';
}

/** Returns the content type of a Strapi route that reads one. Other routes do not take these parameters. */
function uidOf(scope: string | readonly string[] | undefined): string | undefined {
  const [action = ''] = typeof scope === 'string' ? [scope] : (scope ?? []);
  const [, uid] = /^(.+)\.(?:find|findOne|findPage)$/u.exec(action) ?? [];
  return uid === 'plugin::upload.content-api' ? 'plugin::upload.file' : uid;
}
