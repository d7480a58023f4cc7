/** The schemas of requests and replies, for the OpenAPI document. */
export {
  conversationMessageParameters,
  conversationPageParameters,
  conversationPartParameters,
  conversationParameters,
} from './conversation/request';
export { conversationMessageReply, conversationReply } from './conversation/reply';
export { aiSdkMessage } from './ai-sdk/message';
export { aiSdkPart } from './ai-sdk/part';
export { aiSdkBody } from './ai-sdk/request';
export { difyAnswer, difyEvent } from './dify/event';
export {
  difyConsoleMessage,
  difyConversation,
  difyInfo,
  difyList,
  difyMessage,
  difyMeta,
  difyParameters,
  difySite,
  difySuccess,
  difySuggestions,
} from './dify/reply';
export {
  difyConversationPageParameters,
  difyMessagePageParameters,
  difyNameBody,
  difyQuestionBody,
} from './dify/request';
export { exportLine } from './export-reply';
export { feedbackBody, feedbackFields } from './messages/feedback';
export { uploadReply } from './file/upload-reply';
export { fieldsParameter } from './messages/named-fields';
export { messageListReply } from './messages/list-reply';
export { messageListParameters } from './messages/query';
export { messageReply } from './messages/reply';
export { openaiError } from './openai/error';
export { openaiEvent } from './openai/event';
export { openaiCompletion, openaiModel, openaiModelList } from './openai/reply';
export { completionBody } from './openai/request';
export { questionBody, regenerateBody } from './question';
export { dateTime, pageReply, rangeReply } from './reply';
export { replyFieldParameters, selectedMessage } from './messages/reply-fields';
export { searchReply } from './messages/search-reply';
export { selectedSession, selectedSessionMessage, sessionMessageReply, sessionReply } from './sessions/reply';
export {
  editBody,
  newMessageBody,
  newSessionBody,
  newTitleBody,
  pageParameters,
  selectionParameters,
  sessionListBody,
} from './sessions/request';
export { compactEvent, streamEvent, streamFormatParameter } from './stream-event';
export { newTokenReply, tokenReply } from './token/reply';
export { newTokenBody } from './token/request';
export { turnReply } from './turn-reply';
