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
        description: 'The history has every ended answer, complete or not. It is some seconds late.',
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
        description:
          'In the format of OpenAI. `limit` counts messages, and a record that is longer comes alone.',
        query: historySchemas.messagePageParameters.shape,
        reply: { json: historySchemas.recordedMessagePage },
        errors: ['conversation-not-found', 'history-unavailable'],
      },
      reading,
    ),
    userRoute('DELETE', '/v1/conversations/:conversation_id', 'history.deleteConversation', {
      id: 'deleteRecordedConversation',
      summary: 'Erase a conversation of the history',
      description:
        'Permanent: erases all that the caller has said in it so far. The messages of the session ' + 'stay.',
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
        description: 'Records that are erased, or too old to be kept, are not in the sums.',
        query: historySchemas.statisticsParameters.shape,
        reply: { json: historySchemas.statisticsReply },
        errors: ['history-unavailable'],
      },
      reading,
    ),
  ],
};
