import type { Client } from '../support/client';

/** Replies by request path. */
export type Observed = Readonly<Record<string, unknown>>;

/**
 * Reads all data of a user through every API.
 * @param day UTC day of the statistics.
 */
export async function observe(user: Client, day: string): Promise<Observed> {
  const seen: Record<string, unknown> = {};
  /** @param more parameters that earlier releases did not need for the same reply. */
  async function see(path: string, body?: unknown, more = ''): Promise<unknown> {
    const reply = await user.request(body === undefined ? 'GET' : 'POST', `${path}${more}`, { body });
    if (reply.status !== 200) throw new Error(`${path} replied ${reply.status}: ${reply.text}`);
    seen[path] = reply.body ?? reply.text;
    return reply.body;
  }

  await see('/api/users/me');
  await see('/api/ai-characters?sort=name&populate=avatar');
  await see('/api/chat-conversations/my-list?pageSize=100&sort=id:asc');
  await see('/api/chat/export');
  await see(`/aichat/getsessionlist/${user.user.id}`);
  const sessions = (await see('/api/chat/sessions', { page_size: 100 })) as {
    data: { session_id: string }[];
  };
  for (const { session_id } of sessions.data) {
    await see(`/api/chat/sessions/${session_id}`);
    await see(`/api/chat/sessions/${session_id}/messages?page_size=100`, undefined, '&superseded=true');
    await see(`/conversations/${session_id}/messages`);
  }
  await see(`/users/${user.user.id}/conversations`);
  const history = (await see('/api/v1/conversations')) as { conversations: { conversation_id: string }[] };
  for (const { conversation_id } of history.conversations)
    await see(`/api/v1/conversations/${conversation_id}`);
  await see(`/api/v1/stats/conversations?from=${day}&to=${day}`);
  return seen;
}
