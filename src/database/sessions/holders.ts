import type { Core } from '@strapi/strapi';

/** The current user of a session. */
export interface SessionHolder {
  readonly sessionId: string;
  /** Null once the user is deleted. */
  readonly userId: number | null;
  readonly isDeleted: boolean;
}

/** Finds the users of these sessions with one statement and an index. Omits sessions whose row no longer exists. */
export async function findSessionHolders(
  db: Core.Strapi['db'],
  sessionIds: readonly string[],
): Promise<readonly SessionHolder[]> {
  const rows = (await db
    .connection('chat_sessions')
    .whereIn('session_id', sessionIds)
    .select('session_id', 'is_deleted', 'user_id')) as {
    session_id: string;
    is_deleted: boolean | number | null;
    user_id: number | null;
  }[];
  return rows.map((row) => ({
    sessionId: row.session_id,
    userId: row.user_id,
    isDeleted: Boolean(row.is_deleted),
  }));
}
