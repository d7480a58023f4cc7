/**
 * SQL for the row ids of the sessions that a client calls by one id: this server's or Dify's. It takes the id twice.
 * As a subquery, each part uses its own index. With `or`, the database could read all sessions of the user instead.
 */
export const sessionsNamed =
  'select id from chat_sessions where session_id = ? union all select id from chat_sessions where conversation_id = ?';
