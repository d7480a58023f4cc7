/** In this order: the first path that fits is taken. */
export default {
  routes: [
    {
      method: 'POST',
      path: '/chat-conversations/create-message',
      handler: 'chat-conversation.createMessage',
      config: { middlewares: ['global::koasseStream'] },
    },
    {
      method: 'GET',
      path: '/chat-conversations/turns/:turn_id',
      handler: 'chat-conversation.findTurn',
    },
    {
      method: 'GET',
      path: '/chat-conversations/turns/:turn_id/stream',
      handler: 'chat-conversation.followTurn',
      config: { middlewares: ['global::koasseStream'] },
    },
    {
      method: 'POST',
      path: '/chat-conversations/turns/:turn_id/stop',
      handler: 'chat-conversation.stopTurn',
    },
    {
      method: 'POST',
      path: '/chat-conversations/turns/:turn_id/regenerate',
      handler: 'chat-conversation.regenerateTurn',
      config: { middlewares: ['global::koasseStream'] },
    },
    {
      method: 'PUT',
      path: '/chat-conversations/messages/:message_id/feedback',
      handler: 'chat-conversation.rateMessage',
    },
    {
      method: 'PUT',
      path: '/chat-conversations/messages/:message_id/read',
      handler: 'chat-conversation.readMessage',
    },
    {
      method: 'GET',
      path: '/chat-conversations/messages/:message_id/suggested',
      handler: 'chat-conversation.suggestQuestions',
    },
    {
      method: 'GET',
      path: '/chat-conversations/my-list',
      handler: 'chat-conversation.myList',
      config: { middlewares: ['global::reads'] },
    },
    {
      method: 'GET',
      path: '/chat-conversations/:id',
      handler: 'chat-conversation.findOne',
    },
  ],
};
