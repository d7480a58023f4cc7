import { startApp, type App } from '../support/app';

/** The actions of this application that a new installation grants to logged-in users. */
const granted = {
  'ai-character.ai-character': ['find', 'findOne'],
  'ai-sdk.chat': ['messages', 'resume', 'send', 'stop'],
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
    'uploadFile',
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
  'chat.token': ['create', 'list', 'revoke'],
  'conversation.conversation': ['addMessage', 'findOrCreate', 'list', 'listMessages'],
  'dify.dify-app': ['info', 'meta', 'parameters', 'site'],
  'dify.dify-conversation': ['delete', 'list', 'rename', 'variables'],
  'dify.dify-message': ['list', 'listInConsole', 'rate', 'send', 'stop', 'suggest', 'upload'],
  'history.history': ['deleteConversation', 'listConversations', 'listMessages', 'statistics'],
  'openai.completion': ['create'],
  'openai.model': ['find', 'list'],
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
  it('grants logged-in users the actions of the routes for users', async () => {
    const expected = Object.entries(granted).flatMap(([controller, actions]) =>
      actions.map((action) => `api::${controller}.${action}`),
    );
    expect(await actionsOf('authenticated')).toEqual(expected.sort());
  });

  it('grants the public no action of this application', async () => {
    expect(await actionsOf('public')).toEqual([]);
  });

  it('does not grant an action again that an administrator has revoked', async () => {
    const search = 'api::chat.chat.search';
    await app.db('up_permissions').where({ action: search }).delete();
    await app.killAndRestart();
    expect(await actionsOf('authenticated')).not.toContain(search);
  });
});
