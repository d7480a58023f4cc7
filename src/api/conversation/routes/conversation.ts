const reading = { middlewares: ['global::reads'] };

/** The history service; served without `/api` as well. */
export default {
  routes: [
    { method: 'POST', path: '/conversations', handler: 'conversation.findOrCreate' },
    { method: 'POST', path: '/conversations/:conversation_id/messages', handler: 'conversation.addMessage' },
    {
      method: 'GET',
      path: '/conversations/:conversation_id/messages',
      handler: 'conversation.listMessages',
      config: reading,
    },
    { method: 'GET', path: '/users/:user_id/conversations', handler: 'conversation.list', config: reading },
  ],
};
