const reading = { middlewares: ['global::reads'] };

/** The history of finished generations, served as `/api/v1/…`. */
export default {
  routes: [
    {
      method: 'GET',
      path: '/v1/conversations',
      handler: 'history.listConversations',
      config: reading,
    },
    {
      method: 'GET',
      path: '/v1/conversations/:conversation_id',
      handler: 'history.listMessages',
      config: reading,
    },
    { method: 'DELETE', path: '/v1/conversations/:conversation_id', handler: 'history.deleteConversation' },
    { method: 'GET', path: '/v1/stats/conversations', handler: 'history.statistics', config: reading },
  ],
};
