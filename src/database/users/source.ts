import type { Core } from '@strapi/strapi';

import type { UserSource } from '../../chat';
import { partsOf } from '../sql/parts';

type Database = Core.Strapi['db'];

interface UserRow {
  readonly id: number;
  readonly document_id: string;
}

/**
 * Creates the source of users on Strapi's database.
 * It has no cache: after an import, a stale entry would show one user's data to another user.
 */
export function createUserSource(db: Database): UserSource {
  return {
    async findDocumentIds(ids) {
      const rows = await selectUsers(db, 'id', ids);
      return new Map(rows.map((row) => [row.id, row.document_id]));
    },
    async findIds(documentIds) {
      const rows = await selectUsers(db, 'document_id', documentIds);
      return new Map(rows.map((row) => [row.document_id, row.id]));
    },
  };
}

async function selectUsers(
  db: Database,
  column: keyof UserRow,
  values: readonly (string | number)[],
): Promise<readonly UserRow[]> {
  const rows: UserRow[] = [];
  for (const some of partsOf(values)) {
    rows.push(
      ...((await db.connection('up_users').whereIn(column, some).select('id', 'document_id')) as UserRow[]),
    );
  }
  return rows;
}
