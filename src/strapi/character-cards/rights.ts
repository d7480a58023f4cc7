import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';
import { characterUid } from '../../database/characters/uid';

type Entry = Readonly<Record<string, unknown>>;

/** The part of the Content Manager's permission checker that this file uses. */
interface PermissionChecker {
  readonly cannot: Readonly<Record<'create' | 'read', (entry?: Entry, field?: string) => boolean>>;
  sanitizeCreateInput(data: Entry): Promise<Entry>;
}

/** What the administrator of a request may do, as the Content Manager decides it. */
export interface Rights {
  readonly user: { readonly id: number };
  /** Returns the fields that the administrator may fill in. @throws ForbiddenError without the right to create. */
  toCreate(data: Entry): Promise<Entry>;
  /** @throws ForbiddenError unless the administrator may read the whole character. */
  assertReadable(character: Entry): void;
  canUpload(): boolean;
}

export function createRights(strapi: Core.Strapi, ctx: Pick<Context, 'state'>): Rights {
  const { user, userAbility } = ctx.state as {
    user: { id: number };
    userAbility: { can(action: string): boolean };
  };
  const checkers = strapi.plugin('content-manager').service('permission-checker') as {
    create(options: object): PermissionChecker;
  };
  const checker = checkers.create({ userAbility, model: characterUid });
  return {
    user,
    async toCreate(data) {
      if (checker.cannot.create() || checker.cannot.create(undefined, 'prompt'))
        throw new errors.ForbiddenError('Your role may not create characters with a prompt.');
      return checker.sanitizeCreateInput(data);
    },
    assertReadable(character) {
      if (checker.cannot.read(character) || checker.cannot.read(character, 'prompt'))
        throw new errors.ForbiddenError('Your role may not read the prompt of this character.');
    },
    canUpload: () => userAbility.can('plugin::upload.assets.create'),
  };
}
