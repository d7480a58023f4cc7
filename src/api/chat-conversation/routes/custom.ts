import { reading, streamed, takesFile, userRoute } from '../../../http/user-route';

/** The order matters: the router takes the first path that matches. */
export default {
  routes: [
    userRoute('POST', '/chat-conversations/create-message', 'chat-conversation.createMessage', streamed),
    userRoute('POST', '/chat-conversations/files', 'chat-conversation.uploadFile', takesFile),
    {
      method: 'GET',
      path: '/chat-conversations/files/:link',
      handler: 'chat-conversation.openFile',
      // The link is the permission.
      config: { auth: false },
    },
    userRoute('GET', '/chat-conversations/turns/:turn_id', 'chat-conversation.findTurn'),
    userRoute('GET', '/chat-conversations/turns/:turn_id/stream', 'chat-conversation.followTurn', streamed),
    userRoute('POST', '/chat-conversations/turns/:turn_id/stop', 'chat-conversation.stopTurn'),
    userRoute(
      'POST',
      '/chat-conversations/turns/:turn_id/regenerate',
      'chat-conversation.regenerateTurn',
      streamed,
    ),
    userRoute('PUT', '/chat-conversations/messages/:message_id/feedback', 'chat-conversation.rateMessage'),
    userRoute('PUT', '/chat-conversations/messages/:message_id/read', 'chat-conversation.readMessage'),
    userRoute(
      'GET',
      '/chat-conversations/messages/:message_id/suggested',
      'chat-conversation.suggestQuestions',
    ),
    userRoute('GET', '/chat-conversations/my-list', 'chat-conversation.myList', reading),
    // For API tokens, like the core routes.
    { method: 'GET', path: '/chat-conversations/:id', handler: 'chat-conversation.findOne' },
  ],
};
