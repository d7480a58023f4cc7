import { historySchemas } from '../../../history';
import { writing } from '../../../http/route-errors';
import { reading, userRoute } from '../../../http/user-route';

/** The history of finished generations, served as `/api/v1/…`. */
export default {
  routes: [
    userRoute(
      'GET',
      '/v1/conversations',
      'history.listConversations',
      {
        id: 'listRecordedConversations',
        summary: 'List the conversations of the history',
        query: historySchemas.conversationPageParameters.shape,
        reply: { json: historySchemas.conversationPage },
        errors: ['history-unavailable'],
      },
      reading,
    ),
    userRoute(
      'GET',
      '/v1/conversations/:conversation_id',
      'history.listMessages',
      {
        id: 'listRecordedMessages',
        summary: 'List the messages of a conversation of the history',
        query: historySchemas.messagePageParameters.shape,
        reply: { json: historySchemas.recordedMessagePage },
        errors: ['conversation-not-found', 'history-unavailable'],
      },
      reading,
    ),
    userRoute('DELETE', '/v1/conversations/:conversation_id', 'history.deleteConversation', {
      id: 'deleteRecordedConversation',
      summary: 'Erase a conversation of the history',
      reply: { json: historySchemas.deletionReply },
      errors: ['conversation-not-found', 'history-unavailable', ...writing],
    }),
    userRoute(
      'GET',
      '/v1/stats/conversations',
      'history.statistics',
      {
        id: 'readStatistics',
        summary: 'Add up the records of the history',
        query: historySchemas.statisticsParameters.shape,
        reply: { json: historySchemas.statisticsReply },
        errors: ['history-unavailable'],
      },
      reading,
    ),
  ],
};
