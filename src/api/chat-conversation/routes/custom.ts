import { z } from 'zod';

import { schemas } from '../../../chat';
import { anyLimits, fileInForm } from '../../../http/operation';
import { answering, calling, writing } from '../../../http/route-errors';
import { publicRoute, reading, streamed, takesFile, userRoute } from '../../../http/user-route';

const { messageReply, replyFieldParameters, selectedMessage, turnReply } = schemas;

const oneMessage = { json: z.object({ data: messageReply }) };
const turn = { json: z.object({ data: turnReply }) };
/** The two messages of a turn or, for a client that wants it, an event stream. */
const answer = { json: z.object({ data: z.array(selectedMessage) }), events: 'StreamEvent' };
const sendingHeaders = ['Idempotency-Key', 'Last-Event-ID'] as const;
const ofMessage = ['message-not-found', ...writing] as const;

/** The order matters: the router takes the first path that matches. */
export default {
  routes: [
    userRoute(
      'POST',
      '/chat-conversations/create-message',
      'chat-conversation.createMessage',
      {
        id: 'createMessage',
        summary: 'Ask a character a question',
        headers: sendingHeaders,
        query: replyFieldParameters,
        body: schemas.questionBody(anyLimits),
        reply: answer,
        errors: answering,
      },
      streamed,
    ),
    userRoute(
      'POST',
      '/chat-conversations/files',
      'chat-conversation.uploadFile',
      {
        id: 'uploadFile',
        summary: 'Upload a file for a question',
        form: z.object({ character_id: z.string(), file: fileInForm }),
        reply: { json: schemas.uploadReply, status: 201 },
        errors: ['character-not-found', ...writing, ...calling],
      },
      takesFile,
    ),
    // The link is the permission.
    publicRoute('/chat-conversations/files/:link', 'chat-conversation.openFile', {
      id: 'openFile',
      summary: 'Download a file of an answer',
      reply: { file: true },
      errors: ['file-not-found', ...calling],
    }),
    userRoute('GET', '/chat-conversations/turns/:turn_id', 'chat-conversation.findTurn', {
      id: 'findTurn',
      summary: 'Read the state of a question and its answer',
      query: replyFieldParameters,
      reply: turn,
      errors: ['turn-not-found'],
    }),
    userRoute(
      'GET',
      '/chat-conversations/turns/:turn_id/stream',
      'chat-conversation.followTurn',
      {
        id: 'followTurn',
        summary: 'Follow an answer, from the start or after an event',
        headers: ['Last-Event-ID'],
        query: { after: z.string().optional().describe('The id of the last event that the client has.') },
        reply: { events: 'StreamEvent', empty: 204 },
        errors: ['turn-not-found'],
      },
      streamed,
    ),
    userRoute('POST', '/chat-conversations/turns/:turn_id/stop', 'chat-conversation.stopTurn', {
      id: 'stopTurn',
      summary: 'Stop an answer',
      query: replyFieldParameters,
      reply: turn,
      errors: ['turn-not-found', ...writing],
    }),
    userRoute(
      'POST',
      '/chat-conversations/turns/:turn_id/regenerate',
      'chat-conversation.regenerateTurn',
      {
        id: 'regenerateTurn',
        summary: 'Ask the question of a turn again',
        headers: sendingHeaders,
        query: replyFieldParameters,
        body: schemas.regenerateBody(anyLimits),
        reply: answer,
        errors: answering,
      },
      streamed,
    ),
    userRoute('PUT', '/chat-conversations/messages/:message_id/feedback', 'chat-conversation.rateMessage', {
      id: 'rateMessage',
      summary: 'Rate an answer',
      body: schemas.feedbackBody,
      reply: oneMessage,
      errors: [...ofMessage, 'turn-in-progress', ...calling],
    }),
    userRoute('PUT', '/chat-conversations/messages/:message_id/read', 'chat-conversation.readMessage', {
      id: 'readMessage',
      summary: 'Mark a message as read',
      reply: oneMessage,
      errors: ofMessage,
    }),
    userRoute(
      'GET',
      '/chat-conversations/messages/:message_id/suggested',
      'chat-conversation.suggestQuestions',
      {
        id: 'suggestQuestions',
        summary: 'Get questions to ask next',
        // It runs a model.
        tokenScope: 'ask',
        reply: { json: z.object({ data: z.array(z.string()) }) },
        errors: [...ofMessage, 'turn-in-progress', ...calling],
      },
    ),
    userRoute(
      'GET',
      '/chat-conversations/my-list',
      'chat-conversation.myList',
      {
        id: 'listMyMessages',
        summary: 'List own messages',
        query: { ...schemas.messageListParameters, ...replyFieldParameters },
        reply: { json: schemas.messageListReply },
      },
      reading,
    ),
    // For API tokens, like the core routes.
    { method: 'GET', path: '/chat-conversations/:id', handler: 'chat-conversation.findOne' },
  ],
};
