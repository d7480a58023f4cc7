import type { Core } from '@strapi/strapi';

import { forgetAdminNames } from '../strapi/startup/admin-labels';
import { ownUids } from '../strapi/entries/own-uids';
import { workplaceActions } from '../strapi/workplace/workplace';
import { characterUid } from '../database/characters/uid';

/*
 * A start of the host without this plugin knows none of its content types and actions. Strapi then drops their tables,
 * the rights to them, and the links of characters to pictures. This file keeps the tables, and a copy of the rest.
 */

/** What Strapi deletes at a start without the plugin. */
interface Copies {
  readonly userRights: readonly UserRight[];
  readonly adminRights: readonly AdminRight[];
  readonly pictures: readonly Picture[];
}

interface UserRight {
  readonly action: string;
  readonly roleId: number;
}

interface AdminRight {
  readonly action: string;
  readonly actionParameters: object;
  readonly subject: string | null;
  readonly properties: object;
  readonly conditions: readonly unknown[];
  readonly roleId: number;
}

interface Picture {
  readonly file_id: number;
  readonly related_id: number;
  readonly field: string;
  readonly order: number | null;
}

const superAdmin = 'strapi-super-admin';
const pictureTable = 'files_related_mph';
const saveEveryMs = 5_000;

const ownActions = new Set(['api::chats.read', 'api::history.read', ...workplaceActions]);

export interface AbsenceGuard {
  /** Restores what a start without the plugin has deleted, and copies it from now on. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface SyncEvent {
  readonly oldContentTypes?: Readonly<Record<string, unknown>> | null;
}

interface BeforeSync {
  register(handler: (event: SyncEvent) => void): unknown;
}

/** @param apiNames the names of the plugin's APIs. */
export function guardAgainstAbsence(strapi: Core.Strapi, apiNames: readonly string[]): AbsenceGuard {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  const isOwnAction = (action: string) => apiNames.some((name) => action.startsWith(`api::${name}.`));
  let wasAway = false;
  let hasChanged = false;
  let saving: NodeJS.Timeout | undefined;
  (strapi.hook('strapi::content-types.beforeSync') as BeforeSync).register(({ oldContentTypes }) => {
    wasAway = !(characterUid in (oldContentTypes ?? {}));
  });
  return { start, stop };

  async function start(): Promise<void> {
    await keepTables(strapi);
    const copies = (await store.get({ key: 'copies' })) as Copies | null;
    if (wasAway && copies !== null) await restore(strapi, copies);
    if (wasAway) await forgetAdminNames(strapi);
    await save();
    noteChanges();
    saving = setInterval(() => void saveIfChanged(), saveEveryMs).unref();
  }

  async function stop(): Promise<void> {
    clearInterval(saving);
    await saveIfChanged();
  }

  function noteChanges(): void {
    const note = () => {
      hasChanged = true;
    };
    strapi.db.lifecycles.subscribe({
      models: ['plugin::users-permissions.permission', 'admin::permission', characterUid],
      ...{ afterCreate: note, afterCreateMany: note, afterUpdate: note, afterUpdateMany: note },
      ...{ afterDelete: note, afterDeleteMany: note },
    });
  }

  async function saveIfChanged(): Promise<void> {
    if (!hasChanged) return;
    hasChanged = false;
    await save().catch((error: unknown) => {
      hasChanged = true;
      strapi.log.debug(`The rights were not copied: ${String(error)}`);
    });
  }

  async function save(): Promise<void> {
    const copies: Copies = {
      userRights: await readUserRights(strapi, isOwnAction),
      adminRights: await readAdminRights(strapi, isOwnAction),
      pictures: await readPictures(strapi),
    };
    await store.set({ key: 'copies', value: copies });
  }
}

/** Adds the tables of our content types to those that Strapi does not drop. */
async function keepTables(strapi: Core.Strapi): Promise<void> {
  const store = strapi.store({ type: 'core' });
  const kept = ((await store.get({ key: 'persisted_tables' })) ?? []) as (string | object)[];
  const own = [...ownUids].map((uid) => strapi.db.metadata.get(uid).tableName);
  const missing = own.filter((table) => !kept.includes(table));
  if (missing.length > 0) await store.set({ key: 'persisted_tables', value: [...kept, ...missing] });
}

async function readUserRights(
  strapi: Core.Strapi,
  isOwn: (action: string) => boolean,
): Promise<readonly UserRight[]> {
  const rows = (await strapi.db
    .query('plugin::users-permissions.permission')
    .findMany({ where: { action: { $startsWith: 'api::' } }, populate: ['role'] })) as {
    action: string;
    role: { id: number } | null;
  }[];
  return rows.flatMap(({ action, role }) => (isOwn(action) && role ? [{ action, roleId: role.id }] : []));
}

/** Leaves out Super Admin, to whom Strapi gives all rights at each start. */
async function readAdminRights(
  strapi: Core.Strapi,
  isOwn: (action: string) => boolean,
): Promise<readonly AdminRight[]> {
  const rows = (await strapi.db.query('admin::permission').findMany({ populate: ['role'] })) as (Omit<
    AdminRight,
    'roleId'
  > & {
    role: { id: number; code: string } | null;
  })[];
  return rows.flatMap(({ action, actionParameters, subject, properties, conditions, role }) => {
    const isOurs = ownUids.has(subject ?? '') || ownActions.has(action) || isOwn(action);
    if (!isOurs || role === null || role.code === superAdmin) return [];
    return [{ action, actionParameters, subject, properties, conditions, roleId: role.id }];
  });
}

async function readPictures(strapi: Core.Strapi): Promise<readonly Picture[]> {
  return (await strapi.db
    .connection(pictureTable)
    .where({ related_type: characterUid })
    .select('file_id', 'related_id', 'field', 'order')) as Picture[];
}

async function restore(strapi: Core.Strapi, { userRights, adminRights, pictures }: Copies): Promise<void> {
  await strapi.db.transaction(async ({ trx }) => {
    const users = strapi.db.query('plugin::users-permissions.permission');
    for (const { action, roleId } of await ofExistingRoles(
      strapi,
      'plugin::users-permissions.role',
      userRights,
    )) {
      const where = { action, role: roleId };
      if ((await users.findOne({ where })) === null) await users.create({ data: where });
    }
    const admins = strapi.service('admin::permission') as unknown as {
      createMany(permissions: readonly object[]): Promise<unknown>;
    };
    const rights = await ofExistingRoles(strapi, 'admin::role', adminRights);
    if (rights.length > 0) {
      await admins.createMany(rights.map(({ roleId, ...right }) => ({ ...right, role: roleId })));
    }
    for (const picture of pictures) {
      const exists: unknown = await strapi.db
        .connection('ai_characters')
        .transacting(trx as never)
        .where({ id: picture.related_id })
        .whereExists(strapi.db.connection('files').where({ id: picture.file_id }).select('id'))
        .first('id');
      if (exists === undefined) continue;
      await strapi.db
        .connection(pictureTable)
        .transacting(trx as never)
        .insert({ ...picture, related_type: characterUid });
    }
  });
  strapi.log.info('The project ran without character-chat. Its rights and pictures are there again.');
}

async function ofExistingRoles<Right extends { readonly roleId: number }>(
  strapi: Core.Strapi,
  uid: 'admin::role' | 'plugin::users-permissions.role',
  rights: readonly Right[],
): Promise<readonly Right[]> {
  const roles = (await strapi.db.query(uid).findMany({ select: ['id'] })) as { id: number }[];
  const ids = new Set(roles.map(({ id }) => id));
  return rights.filter(({ roleId }) => ids.has(roleId));
}
