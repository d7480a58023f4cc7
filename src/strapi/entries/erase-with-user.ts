import type { Core } from '@strapi/strapi';

import { chatOf } from '../../app';

const userUid = 'plugin::users-permissions.user';

/**
 * With a user goes what they have said, whoever deletes them and by whichever API: the database would only set the links
 * to null, and leave texts that nobody can find, export or erase any more. It is done before, while the links are there,
 * and where the deletion is a transaction, in it.
 */
export function eraseWithUser(strapi: Core.Strapi): void {
  const erase = async ({ params }: { params: { where?: unknown } }) => {
    const users = (await strapi.db
      .query(userUid)
      .findMany({ where: params.where as object, select: ['id', 'documentId'] })) as {
      id: number;
      documentId: string;
    }[];
    for (const user of users) await chatOf(strapi).ownData.eraseUser(user);
  };
  strapi.db.lifecycles.subscribe({ models: [userUid], beforeDelete: erase, beforeDeleteMany: erase });
}
