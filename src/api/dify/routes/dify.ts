import { reading, streamed, takesFile, userRoute } from '../../../http/user-route';

const app = '/dify/:character_id/v1';
const consoleApp = '/console/api/apps/:character_id';

/** The APIs of Dify, for one character. The server offers the console without the prefix `/api`, too. */
export default {
  routes: [
    userRoute('POST', `${app}/chat-messages`, 'dify-message.send', streamed),
    userRoute('POST', `${app}/chat-messages/:task_id/stop`, 'dify-message.stop'),
    userRoute('GET', `${app}/messages`, 'dify-message.list', reading),
    userRoute('POST', `${app}/messages/:message_id/feedbacks`, 'dify-message.rate'),
    userRoute('GET', `${app}/messages/:message_id/suggested`, 'dify-message.suggest'),
    userRoute('GET', `${app}/conversations`, 'dify-conversation.list', reading),
    userRoute('DELETE', `${app}/conversations/:conversation_id`, 'dify-conversation.delete'),
    userRoute('POST', `${app}/conversations/:conversation_id/name`, 'dify-conversation.rename'),
    userRoute('GET', `${app}/conversations/:conversation_id/variables`, 'dify-conversation.variables'),
    userRoute('POST', `${app}/files/upload`, 'dify-message.upload', takesFile),
    userRoute('GET', `${app}/parameters`, 'dify-app.parameters'),
    userRoute('GET', `${app}/info`, 'dify-app.info'),
    userRoute('GET', `${app}/meta`, 'dify-app.meta'),
    userRoute('GET', `${app}/site`, 'dify-app.site'),

    userRoute('POST', `${consoleApp}/chat-messages`, 'dify-message.send', streamed),
    userRoute('GET', `${consoleApp}/chat-messages`, 'dify-message.listInConsole', reading),
    userRoute('POST', `${consoleApp}/chat-messages/:task_id/stop`, 'dify-message.stop'),
  ],
};
