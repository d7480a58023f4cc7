import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import type { KeySeal } from '../../database/characters/key-seal';
import { entriesOf, type Schema } from '../entries/character-id-params';
import { keyField, keyMask } from './fields';
import { characterUid } from '../../database/characters/uid';

/** Replaces the keys in entries of this type, and in the characters that they are populated with. */
export type Mask = (uid: string, entries: unknown) => void;

export function createMask(strapi: Core.Strapi, seal: KeySeal): Mask {
  const getSchema = (uid: string) => strapi.getModel(uid as never) as Schema | undefined;
  return (uid, entries) => {
    const schema = getSchema(uid);
    if (schema === undefined) return;
    for (const character of entriesOf(entries, schema, { characterUid, getSchema })) {
      const key = character[keyField];
      if (typeof key !== 'string' || key === keyMask) continue;
      character[keyField] = seal.unseal(key) === null ? null : keyMask;
    }
  };
}

interface PermissionService {
  createPermissionsManager(options: { readonly model?: string }): {
    sanitizeOutput(data: unknown, options?: object): Promise<unknown>;
  };
}

/** The media library reads pictures with the characters that use them, and not through the Document Service. */
export function maskAdminReplies(strapi: Core.Strapi, mask: Mask): void {
  const service = strapi.service('admin::permission') as unknown as PermissionService;
  const { createPermissionsManager } = service;
  service.createPermissionsManager = (options) => {
    const manager = createPermissionsManager(options);
    const { sanitizeOutput } = manager;
    manager.sanitizeOutput = async (data, settings) => {
      const shown = await sanitizeOutput(data, settings);
      if (options.model !== undefined) mask(options.model, shown);
      return shown;
    };
    return manager;
  };
}

interface RelationsController {
  findAvailable(ctx: Context): Promise<void>;
}

interface Controllers {
  extend(uid: string, change: (controller: RelationsController) => RelationsController): unknown;
}

/** A query can populate the entries that a relation offers. Strapi does not check that reply. */
export function maskRelations(strapi: Core.Strapi, mask: Mask): void {
  const controllers = strapi.get('controllers') as Controllers;
  controllers.extend('plugin::content-manager.relations', (controller) => ({
    ...controller,
    async findAvailable(ctx) {
      await controller.findAvailable(ctx);
      const { model = '', targetField = '' } = ctx.params as Readonly<Record<string, string>>;
      const source = strapi.getModel(model as never) as Schema | undefined;
      const { results } = (ctx.body ?? {}) as { results?: unknown };
      mask(source?.attributes[targetField]?.target ?? '', results);
    },
  }));
}
