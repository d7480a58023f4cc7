import { startApp, type App } from '../support/app';

/** What logged-in users may do in a new installation, of what is ours. */
const granted = {
  'ai-character.ai-character': ['find', 'findOne'],
  'chat-conversation.chat-conversation': [
    'createMessage',
    'findTurn',
    'followTurn',
    'myList',
    'rateMessage',
    'readMessage',
    'regenerateTurn',
    'stopTurn',
    'suggestQuestions',
  ],
  'chat-session.chat-session': [
    'createSession',
    'deleteSession',
    'findSession',
    'listSessions',
    'renameSession',
    'restoreSession',
  ],
  'chat-session.session-message': ['add', 'delete', 'edit', 'find', 'list', 'restore'],
  'chat-session.session-socket': ['open'],
  'chat-session.session-view': ['firstScreen', 'list', 'session'],
  'chat.chat': ['eraseOwn', 'exportOwn', 'search'],
  'conversation.conversation': ['addMessage', 'findOrCreate', 'list', 'listMessages'],
  'history.history': ['deleteConversation', 'listConversations', 'listMessages', 'statistics'],
};

let app: App;
beforeAll(async () => {
  app = await startApp();
});
afterAll(() => app.stop());

const actionsOf = async (role: string): Promise<string[]> =>
  (
    await app
      .db('up_permissions as p')
      .join('up_permissions_role_lnk as l', 'l.permission_id', 'p.id')
      .join('up_roles as r', 'r.id', 'l.role_id')
      .where({ 'r.type': role })
      .whereLike('p.action', 'api::%')
      .orderBy('p.action')
      .select('p.action')
  ).map(({ action }) => action as string);

describe('a new installation', () => {
  it('lets logged-in users do what the routes for users say', async () => {
    const expected = Object.entries(granted).flatMap(([controller, actions]) =>
      actions.map((action) => `api::${controller}.${action}`),
    );
    expect(await actionsOf('authenticated')).toEqual(expected.sort());
  });

  it('lets the public do nothing of ours', async () => {
    expect(await actionsOf('public')).toEqual([]);
  });

  it('does not grant again what an administrator has taken away', async () => {
    const search = 'api::chat.chat.search';
    await app.db('up_permissions').where({ action: search }).delete();
    await app.killAndRestart();
    expect(await actionsOf('authenticated')).not.toContain(search);
  });
});
