import type { Core } from '@strapi/strapi';

/** What a logged-in user may do from the start. Everything else an admin allows in the role editor. */
const grantedActions = [
  'api::ai-character.ai-character.find',
  'api::ai-character.ai-character.findOne',
  'api::chat-conversation.chat-conversation.createMessage',
  'api::chat-conversation.chat-conversation.myList',
  'api::chat-conversation.chat-conversation.findTurn',
  'api::chat-conversation.chat-conversation.followTurn',
  'api::chat-conversation.chat-conversation.stopTurn',
  'api::chat-conversation.chat-conversation.regenerateTurn',
  'api::chat-conversation.chat-conversation.rateMessage',
  'api::chat-conversation.chat-conversation.readMessage',
  'api::chat-conversation.chat-conversation.suggestQuestions',
  'api::chat-session.chat-session.createSession',
  'api::chat-session.chat-session.listSessions',
  'api::chat-session.chat-session.findSession',
  'api::chat-session.chat-session.renameSession',
  'api::chat-session.chat-session.deleteSession',
  'api::chat-session.chat-session.restoreSession',
  'api::chat-session.session-message.add',
  'api::chat-session.session-message.list',
  'api::chat-session.session-message.find',
  'api::chat-session.session-message.edit',
  'api::chat-session.session-message.delete',
  'api::chat-session.session-message.restore',
  'api::chat-session.session-view.list',
  'api::chat-session.session-view.firstScreen',
  'api::chat-session.session-view.session',
  'api::chat-session.session-socket.open',
  'api::chat.chat.search',
  'api::chat.chat.exportOwn',
  'api::chat.chat.eraseOwn',
  'api::conversation.conversation.findOrCreate',
  'api::conversation.conversation.list',
  'api::conversation.conversation.addMessage',
  'api::conversation.conversation.listMessages',
  'api::history.history.listConversations',
  'api::history.history.listMessages',
  'api::history.history.deleteConversation',
  'api::history.history.statistics',
];

/**
 * Grants the Authenticated role each of these actions once in the life of the installation: what an admin takes away
 * later stays taken away, and an action a later version adds is granted at its first start.
 */
export async function grantAuthenticated(strapi: Core.Strapi): Promise<void> {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  const granted = ((await store.get({ key: 'granted-actions' })) ?? []) as string[];
  const missing = grantedActions.filter((action) => !granted.includes(action));
  if (missing.length === 0) return;

  const role = (await strapi.db
    .query('plugin::users-permissions.role')
    .findOne({ where: { type: 'authenticated' } })) as { id: number } | null;
  if (role === null) return;
  const permissions = strapi.db.query('plugin::users-permissions.permission');
  for (const action of missing) {
    const existing: unknown = await permissions.findOne({ where: { action, role: role.id } });
    if (existing === null) await permissions.create({ data: { action, role: role.id } });
  }
  await store.set({ key: 'granted-actions', value: [...granted, ...missing] });
}
