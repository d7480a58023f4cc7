import { z } from 'zod';

import { schemas } from '../../../chat';
import { anyLimits, fileInForm } from '../../../http/operation';
import { answering, calling, writing } from '../../../http/route-errors';
import { publicRoute, reading, streamed, takesFile, userRoute } from '../../../http/user-route';
import { localeParameter } from '../../../http/requests/locale';

const { messageReply, selectedMessage, turnReply } = schemas;
const replyFieldParameters = { ...schemas.replyFieldParameters, ...localeParameter };

const answerParameters = { ...replyFieldParameters, ...schemas.streamFormatParameter };
const oneMessage = { json: z.object({ data: messageReply }) };
const turn = { json: z.object({ data: turnReply }) };
/** The two messages of a turn or, for a client that wants it, an event stream. */
const answer = { json: z.object({ data: z.array(selectedMessage) }), events: 'AnswerEvent' };
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
        description:
          'Saves the question, then asks the upstream. The reply is JSON once the answer has ended, ' +
          'or an event stream with `Accept: text/event-stream` or `response_mode: streaming`. A ' +
          'client that leaves does not end its answer. A failed answer has the status of its error; ' +
          '`details` then has the ids of the saved turn.',
        headers: sendingHeaders,
        query: answerParameters,
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
        description:
          'Passes the file to the Dify app of the character. Name its `id` in `files` of a question.',
        form: z.object({
          character_id: z.string().describe('The character that gets the question.'),
          file: fileInForm,
        }),
        reply: { json: schemas.uploadReply, status: 201 },
        errors: ['character-not-found', ...writing, ...calling],
      },
      takesFile,
    ),
    // The link is the permission.
    publicRoute('/chat-conversations/files/:link', 'chat-conversation.openFile', {
      id: 'openFile',
      summary: 'Download a file of an answer',
      description:
        'Needs no login: the link is the permission. It expires after 30 minutes, and each reply has ' +
        'new ones.',
      reply: { file: true },
      errors: ['file-not-found', ...calling],
    }),
    userRoute('GET', '/chat-conversations/turns/:turn_id', 'chat-conversation.findTurn', {
      id: 'findTurn',
      summary: 'Read the state of a question and its answer',
      description: 'The text of a running answer is that of the last checkpoint.',
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
        description:
          'Sends the events after the one that the client names, then new ones until the end. The ' +
          'header wins over `after`. The reply is 204 if the client has the terminal event.',
        headers: ['Last-Event-ID'],
        query: {
          after: z.string().optional().describe('The id of the last event that the client has.'),
          ...schemas.streamFormatParameter,
        },
        reply: { events: 'AnswerEvent', empty: 204 },
        errors: ['turn-not-found'],
      },
      streamed,
    ),
    userRoute('POST', '/chat-conversations/turns/:turn_id/stop', 'chat-conversation.stopTurn', {
      id: 'stopTurn',
      summary: 'Stop an answer',
      description:
        'Replies once the answer has ended, with the text so far. A turn that has ended keeps its ' +
        'outcome. If another process runs the answer, the reply can still be `pending`.',
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
        description:
          'Starts a new turn at the end of the session, for another answer or after a failure. The ' +
          'existing turns stay.',
        headers: sendingHeaders,
        query: answerParameters,
        body: schemas.regenerateBody(anyLimits),
        reply: answer,
        errors: answering,
      },
      streamed,
    ),
    userRoute('PUT', '/chat-conversations/messages/:message_id/feedback', 'chat-conversation.rateMessage', {
      id: 'rateMessage',
      summary: 'Rate an answer',
      description:
        'Sends the rating to Dify first, then saves it. Only an answer that has ended can be rated.',
      body: schemas.feedbackBody,
      reply: oneMessage,
      errors: [...ofMessage, 'turn-in-progress', ...calling],
    }),
    userRoute('PUT', '/chat-conversations/messages/:message_id/read', 'chat-conversation.readMessage', {
      id: 'readMessage',
      summary: 'Mark a message as read',
      description: 'Sets `message_status` to `read`. It cannot be undone. A second request changes nothing.',
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
        description:
          'At most 10 questions. The upstream runs a model for each call, so ask once. Empty if the ' +
          'Dify app does not suggest questions.',
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
        description:
          'Newest first. Request pages by `cursor` until `meta.nextCursor` is null: nothing is ' +
          'repeated or skipped. A running answer is in the list with its text so far. A parameter ' +
          'that is not listed here is refused.',
        query: { ...schemas.messageListParameters, ...replyFieldParameters },
        reply: { json: schemas.messageListReply },
      },
      reading,
    ),
    // For API tokens, like the core routes.
    { method: 'GET', path: '/chat-conversations/:id', handler: 'chat-conversation.findOne' },
  ],
};
