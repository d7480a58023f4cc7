import type { Core } from '@strapi/strapi';

import { chatOf } from '../../app';
import { afterCommit } from '../../database/sql/transaction';

const userUid = 'plugin::users-permissions.user';

/**
 * Erases the chats of a user together with the user, whatever API deletes the user. The database would only set the
 * links to null. It would leave texts that nobody can find, export or erase any more. The erasure runs before the
 * deletion, while the links exist. If the deletion has a transaction, the erasure is part of it.
 */
export function eraseWithUser(strapi: Core.Strapi): void {
  const erase = async ({ params }: { params: { where?: unknown } }) => {
    const users = (await strapi.db
      .query(userUid)
      .findMany({ where: params.where as object, select: ['id', 'documentId'] })) as {
      id: number;
      documentId: string;
    }[];
    const { ownData, conversationCleanup } = chatOf(strapi);
    for (const user of users) await ownData.eraseUser(user);
    await afterCommit(strapi.db, () => conversationCleanup.wake());
  };
  strapi.db.lifecycles.subscribe({ models: [userUid], beforeDelete: erase, beforeDeleteMany: erase });
}
