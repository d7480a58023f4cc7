import { z } from 'zod';

import { schemas } from '../../../chat';
import { localeParameter } from '../../../http/requests/locale';
import { anyLimits, fileInForm, type RouteDescription } from '../../../http/operation';
import { answering, calling, writing } from '../../../http/route-errors';
import { reading, streamed, takesFile, userRoute } from '../../../http/user-route';

const app = '/dify/:character_id/v1';
const consoleApp = '/console/api/apps/:character_id';

const { difyConversation, difyList, difySuccess } = schemas;
const ofConversation = ['character-not-found', 'session-not-found'] as const;
const ofMessage = ['character-not-found', 'message-not-found'] as const;

/** The descriptions of routes that both APIs have. Their ids differ. */
const send = (id: string): RouteDescription => ({
  id,
  summary: 'Ask the character a question',
  headers: ['Idempotency-Key'],
  body: schemas.difyQuestionBody(anyLimits),
  reply: { json: schemas.difyAnswer, events: 'DifyEvent' },
  errors: answering,
});
const stop = (id: string): RouteDescription => ({
  id,
  summary: 'Stop an answer',
  reply: { json: difySuccess },
  errors: ['character-not-found', ...writing],
});
const aboutApp = (id: string, summary: string, json: z.ZodType): RouteDescription => ({
  id,
  summary,
  query: localeParameter,
  reply: { json },
  errors: ['character-not-found'],
});

/** The APIs of Dify, for one character. The server offers the console without the prefix `/api`, too. */
export default {
  routes: [
    userRoute('POST', `${app}/chat-messages`, 'dify-message.send', send('difySend'), streamed),
    userRoute('POST', `${app}/chat-messages/:task_id/stop`, 'dify-message.stop', stop('difyStop')),
    userRoute(
      'GET',
      `${app}/messages`,
      'dify-message.list',
      {
        id: 'difyListMessages',
        summary: 'List the messages of a conversation',
        query: schemas.difyMessagePageParameters.shape,
        reply: { json: difyList(schemas.difyMessage) },
        errors: [...ofConversation, 'message-not-found'],
      },
      reading,
    ),
    userRoute('POST', `${app}/messages/:message_id/feedbacks`, 'dify-message.rate', {
      id: 'difyRate',
      summary: 'Rate an answer',
      body: schemas.feedbackFields,
      reply: { json: difySuccess },
      errors: [...ofMessage, 'turn-in-progress', ...writing, ...calling],
    }),
    userRoute('GET', `${app}/messages/:message_id/suggested`, 'dify-message.suggest', {
      id: 'difySuggest',
      summary: 'Get questions to ask next',
      // It runs a model.
      tokenScope: 'ask',
      reply: { json: schemas.difySuggestions },
      errors: [...ofMessage, 'turn-in-progress', ...writing, ...calling],
    }),
    userRoute(
      'GET',
      `${app}/conversations`,
      'dify-conversation.list',
      {
        id: 'difyListConversations',
        summary: 'List conversations',
        query: schemas.difyConversationPageParameters.shape,
        reply: { json: difyList(difyConversation) },
        errors: ofConversation,
      },
      reading,
    ),
    userRoute('DELETE', `${app}/conversations/:conversation_id`, 'dify-conversation.delete', {
      id: 'difyDeleteConversation',
      summary: 'Delete a conversation',
      reply: { empty: 204 },
      errors: ['character-not-found', ...writing],
    }),
    userRoute('POST', `${app}/conversations/:conversation_id/name`, 'dify-conversation.rename', {
      id: 'difyRenameConversation',
      summary: 'Rename a conversation',
      body: schemas.difyNameBody,
      reply: { json: difyConversation },
      errors: [...ofConversation, ...writing],
    }),
    userRoute('GET', `${app}/conversations/:conversation_id/variables`, 'dify-conversation.variables', {
      id: 'difyListVariables',
      summary: 'List the variables of a conversation: none',
      query: schemas.difyConversationPageParameters.shape,
      reply: { json: difyList(z.never()) },
      errors: ofConversation,
    }),
    userRoute(
      'POST',
      `${app}/files/upload`,
      'dify-message.upload',
      {
        id: 'difyUploadFile',
        summary: 'Upload a file for a question',
        form: z.object({ file: fileInForm }),
        reply: { json: schemas.uploadReply, status: 201 },
        errors: ['character-not-found', ...writing, ...calling],
      },
      takesFile,
    ),
    userRoute(
      'GET',
      `${app}/parameters`,
      'dify-app.parameters',
      aboutApp('difyParameters', 'Read the settings of the character', schemas.difyParameters),
    ),
    userRoute(
      'GET',
      `${app}/info`,
      'dify-app.info',
      aboutApp('difyInfo', 'Read the name of the character', schemas.difyInfo),
    ),
    userRoute(
      'GET',
      `${app}/meta`,
      'dify-app.meta',
      aboutApp('difyMeta', 'Read the icons of tools: none', schemas.difyMeta),
    ),
    userRoute(
      'GET',
      `${app}/site`,
      'dify-app.site',
      aboutApp('difySite', 'Read how a page can show the character', schemas.difySite),
    ),

    userRoute('POST', `${consoleApp}/chat-messages`, 'dify-message.send', send('difyConsoleSend'), streamed),
    userRoute(
      'GET',
      `${consoleApp}/chat-messages`,
      'dify-message.listInConsole',
      {
        id: 'difyConsoleListMessages',
        summary: 'List the messages of a conversation',
        query: schemas.difyMessagePageParameters.shape,
        reply: { json: difyList(schemas.difyConsoleMessage) },
        errors: [...ofConversation, 'message-not-found'],
      },
      reading,
    ),
    userRoute(
      'POST',
      `${consoleApp}/chat-messages/:task_id/stop`,
      'dify-message.stop',
      stop('difyConsoleStop'),
    ),
  ],
};
