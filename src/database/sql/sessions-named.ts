import { isUuid } from '../../chat';

/**
 * SQL for the row ids of the sessions that their owner calls by one id: this server's, or the id of a conversation that
 * an upstream has or had of the session. `sessionNames` returns its values. As a subquery, each part uses its own index.
 * With `or`, the database could read all sessions of the user instead.
 */
export const sessionsNamed = `select id from chat_sessions where session_id = ?
  union all select id from chat_sessions where conversation_id = ?
  union all select session_id from
    (select session_id from chat_conversations where user_id = ? and conversation_id = ? limit 1) as earlier`;

export function sessionNames(id: string, owner: { readonly id: number }): [string, string, number, string] {
  return [id, id, owner.id, id];
}

/** SQL for the row ids of the sessions that their owner calls by one of these ids or by a name. See `indexChatNames`. */
export const chatsNamed = `select id from chat_sessions where user_id = ? and chat_name = ? and not is_deleted
  union all ${sessionsNamed}`;

export function chatNames(id: string, owner: { readonly id: number }): (string | number)[] {
  return [owner.id, id, ...sessionNames(isUuid(id) ? id.toLowerCase() : id, owner)];
}
