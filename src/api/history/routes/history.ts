import { reading, userRoute } from '../../../http/user-route';

/** The history of finished generations, served as `/api/v1/…`. */
export default {
  routes: [
    userRoute('GET', '/v1/conversations', 'history.listConversations', reading),
    userRoute('GET', '/v1/conversations/:conversation_id', 'history.listMessages', reading),
    userRoute('DELETE', '/v1/conversations/:conversation_id', 'history.deleteConversation'),
    userRoute('GET', '/v1/stats/conversations', 'history.statistics', reading),
  ],
};
