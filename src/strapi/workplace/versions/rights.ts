import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context } from 'koa';
import { findMainLocale } from '../../../database/characters/draft';
import { characterUid } from '../../../database/characters/uid';

type Entry = Readonly<Record<string, unknown>>;

/** The part of the Content Manager's permission checker that this file uses. */
interface PermissionChecker {
  readonly cannot: Readonly<Record<'read' | 'update', (entry?: Entry, field?: string) => boolean>>;
  sanitizeUpdateInput(entry: Entry): (data: Entry) => Promise<Entry>;
}

/** The draft of a character, and what the administrator of a request may do with it. */
export interface ReadableDraft {
  readonly draft: Entry;
  readonly mayRead: (field: string) => boolean;
  readonly mayUpdate: boolean;
  /** Returns the fields that the administrator may change. @throws ForbiddenError without the right to update. */
  toUpdate(data: Entry): Promise<Entry>;
}

/**
 * Reads the draft of a character, in the default locale if it has that, for an administrator who may read its prompt.
 * @throws NotFoundError for an unknown character. @throws ForbiddenError without that right.
 */
export async function readDraft(
  strapi: Core.Strapi,
  ctx: Pick<Context, 'state'>,
  documentId: string,
): Promise<ReadableDraft> {
  const { userAbility } = ctx.state as { userAbility: unknown };
  const checkers = strapi.plugin('content-manager').service('permission-checker') as {
    create(options: object): PermissionChecker;
  };
  const { cannot, sanitizeUpdateInput } = checkers.create({ userAbility, model: characterUid });
  const refused = new errors.ForbiddenError('Your role may not read the prompt of this character.');
  if (cannot.read() || cannot.read(undefined, 'prompt')) throw refused;
  // Conditions of a role, e.g. "is creator", need the creator with the roles.
  const locale = await findMainLocale(strapi.db, documentId);
  const populate = { createdBy: { populate: ['roles'] } } as never;
  const draft = (await strapi
    .documents(characterUid)
    .findOne({ documentId, ...(locale !== undefined && { locale }), populate })) as Entry | null;
  if (draft === null) throw new errors.NotFoundError('There is no such character.');
  if (cannot.read(draft) || cannot.read(draft, 'prompt')) throw refused;
  return {
    draft,
    mayRead: (field) => !cannot.read(draft, field),
    mayUpdate: !cannot.update(draft),
    async toUpdate(data) {
      if (cannot.update(draft)) throw new errors.ForbiddenError('Your role may not change this character.');
      return sanitizeUpdateInput(draft)(data);
    },
  };
}
