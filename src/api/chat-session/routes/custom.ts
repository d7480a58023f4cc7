import { z } from 'zod';

import { schemas } from '../../../chat';
import { anyLimits, type RouteDescription } from '../../../http/operation';
import { localeParameter } from '../../../http/requests/locale';
import { asking, writing } from '../../../http/route-errors';
import { reading, streamed, userRoute } from '../../../http/user-route';
import { inEnvelope, pageOf } from '../envelope';

const { sessionMessageReply, sessionReply, pageParameters, selectionParameters, streamFormatParameter } =
  schemas;

const { fieldsParameter, selectedSession, selectedSessionMessage } = schemas;

const session = { json: inEnvelope(sessionReply) };
/** A sentence that says what was done. */
const done = { json: inEnvelope(z.string()) };
const sessionWithMessages = sessionReply.extend({
  messages: z.array(sessionMessageReply).describe('The last 50 messages, the oldest first.'),
});
/** A question, with its answer once it has ended. */
const questionWithReply = sessionMessageReply.extend({
  reply: sessionMessageReply.optional().describe('The answer, if the message was a question to a character.'),
});
const sendingHeaders = ['Idempotency-Key', 'Last-Event-ID'] as const;

/** The descriptions of routes that have two paths. Their ids differ. */
const createSession = (id: string): RouteDescription => ({
  id,
  summary: 'Create a session',
  description: 'With a character or without one. A title can come later.',
  query: localeParameter,
  body: schemas.newSessionBody,
  reply: session,
  errors: ['not-yourself', 'character-not-found', ...writing],
});
const renameSession = (id: string): RouteDescription => ({
  id,
  summary: 'Rename a session',
  body: schemas.newTitleBody,
  reply: done,
  errors: ['session-not-found', ...writing],
});
const deleteSession = (id: string): RouteDescription => ({
  id,
  summary: 'Delete a session',
  description: 'Stops its running answer. The session can be restored for some days, then it is erased.',
  reply: done,
  errors: ['session-not-found', ...writing],
});
const listMessages = (id: string): RouteDescription => ({
  id,
  summary: 'List the messages of a session',
  description: 'The branch in use, in the order in which the messages were said.',
  query: { ...pageParameters.shape, ...selectionParameters.shape, ...fieldsParameter },
  reply: { json: inEnvelope(pageOf(selectedSessionMessage)) },
  errors: ['session-not-found'],
});

/** The session API. The server offers its views under `/aichat` without the prefix `/api`, too. */
export default {
  routes: [
    userRoute('POST', '/chat/session', 'chat-session.createSession', createSession('createSession')),
    userRoute(
      'POST',
      '/chat/sessions',
      'chat-session.listSessions',
      {
        id: 'listSessions',
        summary: 'List sessions',
        description: 'The session with the newest message comes first.',
        tokenScope: 'read',
        query: { ...fieldsParameter, ...localeParameter },
        body: schemas.sessionListBody,
        reply: { json: inEnvelope(z.array(selectedSession)) },
        errors: ['not-yourself'],
      },
      reading,
    ),
    userRoute('GET', '/chat/sessions/:session_id', 'chat-session.findSession', {
      id: 'findSession',
      summary: 'Read a session',
      query: { ...fieldsParameter, ...localeParameter },
      reply: { json: inEnvelope(selectedSession) },
      errors: ['session-not-found'],
    }),
    userRoute(
      'PATCH',
      '/chat/sessions/:session_id',
      'chat-session.renameSession',
      renameSession('renameSession'),
    ),
    userRoute(
      'DELETE',
      '/chat/sessions/:session_id',
      'chat-session.deleteSession',
      deleteSession('deleteSession'),
    ),
    userRoute('POST', '/chat/sessions/:session_id/restore', 'chat-session.restoreSession', {
      id: 'restoreSession',
      summary: 'Restore a deleted session',
      description: 'Also restores what was deleted with it.',
      reply: done,
      errors: ['session-not-found', ...writing],
    }),
    userRoute(
      'GET',
      '/chat/sessions/:session_id/messages',
      'session-message.list',
      listMessages('listSessionMessages'),
      reading,
    ),
    userRoute('GET', '/chat/sessions/:session_id/messages/:message_id', 'session-message.find', {
      id: 'findSessionMessage',
      summary: 'Read a message of a session',
      query: fieldsParameter,
      reply: { json: inEnvelope(selectedSessionMessage) },
      errors: ['message-not-found'],
    }),
    userRoute(
      'POST',
      '/chat/message',
      'session-message.add',
      {
        id: 'addSessionMessage',
        summary: 'Store a message, or ask a question in a session',
        description:
          'Without `reply`, the message is only stored. With it, the reply comes when the answer has ' +
          'ended, as `reply`, or it is the event stream of create-message.',
        headers: sendingHeaders,
        query: streamFormatParameter,
        body: schemas.newMessageBody(anyLimits),
        reply: { json: inEnvelope(questionWithReply), events: 'AnswerEvent' },
        errors: [...asking, ...writing],
      },
      streamed,
    ),
    userRoute(
      'PATCH',
      '/chat/messages/:message_id',
      'session-message.edit',
      {
        id: 'editSessionMessage',
        summary: 'Edit a question, or ask it in other words',
        description:
          'In place: the server asks nobody, and the answers after it become superseded. With ' +
          '`regenerate`: a new turn begins at the end of the session, and the old branch becomes ' +
          'superseded. Only questions can be edited.',
        headers: sendingHeaders,
        query: streamFormatParameter,
        body: schemas.editBody(anyLimits),
        reply: { json: inEnvelope(z.union([z.string(), questionWithReply])), events: 'AnswerEvent' },
        errors: ['message-not-found', ...asking, ...writing],
      },
      streamed,
    ),
    userRoute('DELETE', '/chat/messages/:message_id', 'session-message.delete', {
      id: 'deleteSessionMessage',
      summary: 'Delete a message',
      description: 'It can be restored for some days. Deleted text is shown in neither message of a turn.',
      reply: done,
      errors: ['message-not-found', 'turn-in-progress', ...writing],
    }),
    userRoute('POST', '/chat/messages/:message_id/restore', 'session-message.restore', {
      id: 'restoreSessionMessage',
      summary: 'Restore a deleted message',
      reply: done,
      errors: ['message-not-found', ...writing],
    }),

    userRoute(
      'GET',
      '/aichat/getsessionlist/:user_id',
      'session-view.list',
      {
        id: 'viewSessions',
        summary: 'List sessions, with their number',
        query: { ...pageParameters.shape, ...fieldsParameter, ...localeParameter },
        reply: { json: inEnvelope(pageOf(selectedSession)) },
        errors: ['not-yourself'],
      },
      reading,
    ),
    userRoute(
      'GET',
      '/aichat/getsessionlistshow/:user_id',
      'session-view.firstScreen',
      {
        id: 'viewFirstScreen',
        summary: 'List sessions, the first one with its latest messages',
        description:
          'On page 1, the session that was changed last has its last 50 messages. Other sessions have ' +
          'none.',
        query: { ...pageParameters.shape, ...selectionParameters.shape, ...localeParameter },
        reply: { json: inEnvelope(pageOf(sessionWithMessages.partial({ messages: true }))) },
        errors: ['not-yourself'],
      },
      reading,
    ),
    userRoute(
      'POST',
      '/aichat/createsession',
      'chat-session.createSession',
      createSession('viewCreateSession'),
    ),
    userRoute(
      'GET',
      '/aichat/sessions/:session_id',
      'session-view.session',
      {
        id: 'viewSession',
        summary: 'Read a session with its latest messages',
        description: 'The last 50 messages, the oldest first.',
        query: { ...selectionParameters.shape, ...localeParameter },
        reply: { json: inEnvelope(sessionWithMessages) },
        errors: ['session-not-found'],
      },
      reading,
    ),
    userRoute(
      'PATCH',
      '/aichat/sessions/:session_id',
      'chat-session.renameSession',
      renameSession('viewRenameSession'),
    ),
    userRoute(
      'DELETE',
      '/aichat/deletesession/:session_id',
      'chat-session.deleteSession',
      deleteSession('viewDeleteSession'),
    ),
    userRoute(
      'GET',
      '/aichat/sessions/:session_id/messages',
      'session-message.list',
      listMessages('viewSessionMessages'),
      reading,
    ),

    userRoute('GET', '/ws/:session_id', 'session-socket.open', {
      id: 'openSocket',
      summary: 'Open a WebSocket for a session',
      description: 'Sends the turns and changes of a session. docs/websocket.md has its frames.',
      reply: { empty: 101 },
      errors: [
        'session-not-found',
        'upgrade-required',
        'too-many-connections',
        'server-busy',
        'server-stopping',
      ],
    }),
  ],
};
