/** [method, path, handler]: the session API, and its views under `/aichat`, which are served without `/api` as well. */
const routes: readonly (readonly [method: string, path: string, handler: string])[] = [
  ['POST', '/chat/session', 'chat-session.createSession'],
  ['POST', '/chat/sessions', 'chat-session.listSessions'],
  ['GET', '/chat/sessions/:session_id', 'chat-session.findSession'],
  ['PATCH', '/chat/sessions/:session_id', 'chat-session.renameSession'],
  ['DELETE', '/chat/sessions/:session_id', 'chat-session.deleteSession'],
  ['POST', '/chat/sessions/:session_id/restore', 'chat-session.restoreSession'],
  ['GET', '/chat/sessions/:session_id/messages', 'session-message.list'],
  ['GET', '/chat/sessions/:session_id/messages/:message_id', 'session-message.find'],
  ['POST', '/chat/message', 'session-message.add'],
  ['PATCH', '/chat/messages/:message_id', 'session-message.edit'],
  ['DELETE', '/chat/messages/:message_id', 'session-message.delete'],
  ['POST', '/chat/messages/:message_id/restore', 'session-message.restore'],

  ['GET', '/aichat/getsessionlist/:user_id', 'session-view.list'],
  ['GET', '/aichat/getsessionlistshow/:user_id', 'session-view.firstScreen'],
  ['POST', '/aichat/createsession', 'chat-session.createSession'],
  ['GET', '/aichat/sessions/:session_id', 'session-view.session'],
  ['PATCH', '/aichat/sessions/:session_id', 'chat-session.renameSession'],
  ['DELETE', '/aichat/deletesession/:session_id', 'chat-session.deleteSession'],
  ['GET', '/aichat/sessions/:session_id/messages', 'session-message.list'],

  ['GET', '/ws/:session_id', 'session-socket.open'],
];

/** What may be answered as an event stream. */
const streamed: readonly string[] = ['session-message.add', 'session-message.edit'];

/** What reads many rows. */
const lists: readonly string[] = [
  'chat-session.listSessions',
  'session-message.list',
  'session-view.list',
  'session-view.firstScreen',
  'session-view.session',
];

export default {
  routes: routes.map(([method, path, handler]) => ({
    method,
    path,
    handler,
    ...(streamed.includes(handler) && { config: { middlewares: ['global::koasseStream'] } }),
    ...(lists.includes(handler) && { config: { middlewares: ['global::reads'] } }),
  })),
};
