import type { Core } from '@strapi/strapi';

import { ownUids } from '../entries/own-uids';
import type { characterUid } from '../../database/characters/uid';

export interface Permission {
  readonly id: number;
  readonly action: string;
  readonly subject?: string | null;
  readonly createdAt?: Date | string;
}

export interface Role {
  readonly id: number;
  readonly name: string;
  readonly code: string;
  readonly createdAt: Date | string;
  readonly permissions: readonly Permission[];
}

interface Action {
  readonly actionId: string;
  readonly section: string;
  readonly subjects?: readonly string[] | null;
}

/**
 * Strapi creates a role, and its permissions right after it. Somebody else has added permissions that are newer than
 * this.
 */
const createdTogetherMs = 5 * 60_000;

/** The permissions that Strapi gives Editors and Authors in addition to those on content types. */
const mediaLibrary = [
  'plugin::upload.read',
  'plugin::upload.configure-view',
  'plugin::upload.assets.create',
  'plugin::upload.assets.update',
  'plugin::upload.assets.download',
  'plugin::upload.assets.copy-link',
];

/** Strapi does not grant these types to the two roles; only an administrator does. */
const neverGiven: ReadonlySet<string> = new Set(['plugin::users-permissions.user']);

/**
 * Returns whether a role is Strapi's Editor or Author with exactly the permissions that Strapi gave it. The role
 * editor creates a changed permission again, so its time shows the change. A removed permission is missing. The
 * function does not compare the fields of a permission, because upgrades add fields to content types. A type without
 * any permission may be newer than the role, except for this application's own types. Of a localized type, Strapi
 * itself removes permissions that name no locale.
 */
export function isStockRole(strapi: Core.Strapi, { code, createdAt, permissions }: Role): boolean {
  if (code !== 'strapi-editor' && code !== 'strapi-author') return false;
  const latest = new Date(createdAt).getTime() + createdTogetherMs;
  if (permissions.some((one) => new Date(one.createdAt ?? Infinity).getTime() > latest)) return false;

  const isAuthor = code === 'strapi-author';
  const actions = expectedActions(strapi).filter(
    ({ actionId }) => !isAuthor || actionId !== 'plugin::content-manager.explorer.publish',
  );
  const given = new Set(permissions.map(key));
  const subjectsOfRole = new Set(permissions.map(({ subject }) => subject));
  const expected = actions.flatMap(({ actionId, subjects }) =>
    (subjects ?? [])
      .filter((subject) => subjectsOfRole.has(subject) || ownUids.has(subject))
      .map((subject) => ({ key: `${actionId} ${subject}`, isRequired: !isLocalized(strapi, subject) })),
  );
  const known = new Set([...mediaLibrary, ...expected.map((one) => one.key)]);
  const required = [
    ...mediaLibrary,
    ...expected.filter(({ isRequired }) => isRequired).map((one) => one.key),
  ];
  return [...given].every((one) => known.has(one)) && required.every((one) => given.has(one));
}

function expectedActions(strapi: Core.Strapi): Action[] {
  const { actionProvider } = strapi.service('admin::permission') as unknown as {
    actionProvider: { values(): readonly Action[] };
  };
  return actionProvider
    .values()
    .filter(({ section }) => section === 'contentTypes')
    .map((action) => ({
      ...action,
      subjects: (action.subjects ?? []).filter((uid) => isDisplayed(strapi, uid) && !neverGiven.has(uid)),
    }));
}

const isDisplayed = (strapi: Core.Strapi, uid: string): boolean =>
  pluginOptionsOf(strapi, uid)['content-manager']?.visible !== false;

const isLocalized = (strapi: Core.Strapi, uid: string): boolean =>
  pluginOptionsOf(strapi, uid).i18n?.localized === true;

interface PluginOptions {
  readonly 'content-manager'?: { readonly visible?: boolean };
  readonly i18n?: { readonly localized?: boolean };
}

function pluginOptionsOf(strapi: Core.Strapi, uid: string): PluginOptions {
  const { pluginOptions } = strapi.contentType(uid as typeof characterUid) as {
    pluginOptions?: PluginOptions;
  };
  return pluginOptions ?? {};
}

const key = ({ action, subject }: Permission): string => (subject ? `${action} ${subject}` : action);
