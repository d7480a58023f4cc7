import { reading, streamed, userRoute } from '../../../http/user-route';

/** The session API. The server offers its views under `/aichat` without the prefix `/api`, too. */
export default {
  routes: [
    userRoute('POST', '/chat/session', 'chat-session.createSession'),
    userRoute('POST', '/chat/sessions', 'chat-session.listSessions', reading),
    userRoute('GET', '/chat/sessions/:session_id', 'chat-session.findSession'),
    userRoute('PATCH', '/chat/sessions/:session_id', 'chat-session.renameSession'),
    userRoute('DELETE', '/chat/sessions/:session_id', 'chat-session.deleteSession'),
    userRoute('POST', '/chat/sessions/:session_id/restore', 'chat-session.restoreSession'),
    userRoute('GET', '/chat/sessions/:session_id/messages', 'session-message.list', reading),
    userRoute('GET', '/chat/sessions/:session_id/messages/:message_id', 'session-message.find'),
    userRoute('POST', '/chat/message', 'session-message.add', streamed),
    userRoute('PATCH', '/chat/messages/:message_id', 'session-message.edit', streamed),
    userRoute('DELETE', '/chat/messages/:message_id', 'session-message.delete'),
    userRoute('POST', '/chat/messages/:message_id/restore', 'session-message.restore'),

    userRoute('GET', '/aichat/getsessionlist/:user_id', 'session-view.list', reading),
    userRoute('GET', '/aichat/getsessionlistshow/:user_id', 'session-view.firstScreen', reading),
    userRoute('POST', '/aichat/createsession', 'chat-session.createSession'),
    userRoute('GET', '/aichat/sessions/:session_id', 'session-view.session', reading),
    userRoute('PATCH', '/aichat/sessions/:session_id', 'chat-session.renameSession'),
    userRoute('DELETE', '/aichat/deletesession/:session_id', 'chat-session.deleteSession'),
    userRoute('GET', '/aichat/sessions/:session_id/messages', 'session-message.list', reading),

    userRoute('GET', '/ws/:session_id', 'session-socket.open'),
  ],
};
