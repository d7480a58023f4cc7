import type { Core } from '@strapi/strapi';

/** Whether somebody may go on with a session they were let into. */
export interface SessionHolder {
  readonly sessionId: string;
  /** Null once the user is deleted. */
  readonly userId: number | null;
  readonly isBlocked: boolean;
  readonly isDeleted: boolean;
}

/** The users of these sessions, as both are now: one statement, both tables by an index. A row that is gone has no holder. */
export async function findSessionHolders(
  db: Core.Strapi['db'],
  sessionIds: readonly string[],
): Promise<readonly SessionHolder[]> {
  const rows = (await db.connection
    .from({ s: 'chat_sessions' })
    .leftJoin({ u: 'up_users' }, 'u.id', 's.user_id')
    .whereIn('s.session_id', sessionIds)
    .select('s.session_id', 's.is_deleted', 'u.id as user_id', 'u.blocked')) as {
    session_id: string;
    is_deleted: boolean | number | null;
    user_id: number | null;
    blocked: boolean | number | null;
  }[];
  return rows.map((row) => ({
    sessionId: row.session_id,
    userId: row.user_id,
    isBlocked: Boolean(row.blocked),
    isDeleted: Boolean(row.is_deleted),
  }));
}
