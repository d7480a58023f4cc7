import { reading, userRoute } from '../../../http/user-route';

/** The conversation API. The server offers it without the prefix `/api`, too. */
export default {
  routes: [
    userRoute('POST', '/conversations', 'conversation.findOrCreate'),
    userRoute('POST', '/conversations/:conversation_id/messages', 'conversation.addMessage'),
    userRoute('GET', '/conversations/:conversation_id/messages', 'conversation.listMessages', reading),
    userRoute('GET', '/users/:user_id/conversations', 'conversation.list', reading),
  ],
};
