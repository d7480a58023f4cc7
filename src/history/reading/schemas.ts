/** The schemas of requests and replies, for the OpenAPI document. */
export { conversationPage, deletionReply, recordedMessagePage } from './reply';
export { conversationPageParameters, messagePageParameters, statisticsParameters } from './request';
export { statisticsReply } from './statistics';
