export { createChat, type Chat, type ChatDependencies } from './chat';
export {
  defaultChoice,
  upstreamKinds,
  type Character,
  type UpstreamChoice,
  type UpstreamKey,
  type UpstreamKind,
} from './model/character';
export type { CharacterSource } from './ports/character-source';
export type { PublishedCharacter, ReadPublished, ReadPublishedVersion } from './ports/published-characters';
export { longestLoginPauseMs, loginClaimMs, loginPauseMs, maxLoginTries } from './limits/login-pause';
export type {
  LoginAttempts,
  LoginClaim,
  LoginRefusal,
  LoginResult,
  UpstreamAccount,
} from './ports/upstreams/login-attempts';
export { createCondition } from './shared/condition';
export { createYield } from './shared/yield-to-event-loop';
export { withDeadline } from './shared/deadline';
export {
  ChatError,
  chatErrorCodes,
  chatErrors,
  isChatErrorCode,
  type ChatErrorCode,
  type RateLimit,
} from './errors';
export { createFairQueue } from './shared/fair-queue';
export { parseFeedback } from './contract/messages/feedback';
export { parseUpload } from './contract/file/upload-request';
export { toUploadReply } from './contract/file/upload-reply';
export type { FileStore, NewUpload } from './ports/file-store';
export type { Comparison, Filter, TextMatch, Value } from './model/filter';
export {
  parseConversationRequest,
  parseConversationId,
  parseConversationPage,
  parseConversationMessage,
  parseConversationPart,
} from './contract/conversation/request';
export {
  toConversationReply,
  toConversationMessageReply,
  type ConversationMessageReply,
  type ConversationReply,
} from './contract/conversation/reply';
export type { DayCounter, MinuteCounter, UserCounters } from './ports/users/user-counters';
export { describeError, type Log } from './shared/log';
export { LoggableError } from './shared/loggable-error';
export { fillCharacterTexts, unnamedUser } from './model/macros';
export { newMessageId, ownIdPrefix } from './model/message-id';
export type { MessageQuery, SortKey } from './model/message-query';
export { ratings, type Message, type MessageMarks } from './model/message';
export type { MessageStore } from './ports/message-store';
export type { Erased, OwnDataStore } from './ports/own-data-store';
export type { Owner } from './model/owner';
export { parseIdempotencyKey, parseInputs, parseQuestion } from './contract/question';
export { parseReplyFields, selectFields, type ReplyFields } from './contract/messages/reply-fields';
export type { Reply } from './contract/reply';
export * as schemas from './contract/schemas';
export type { TurnReply } from './contract/turn-reply';
export { highlight } from './message/highlight';
export { searchParameters } from './message/search';
export type { Hit, SearchStore } from './ports/search-store';
export { assertCharacter } from './session/access';
export { toUpstreamUser, upstreamUserPrefix } from './model/owner';
export type { UnneededConversations, UpstreamConversation } from './ports/unneeded-conversations';
export { boundedJson } from './contract/bounded';
export { isShallow } from './shared/json-depth';
export { isUuid } from './shared/id-spellings';
export { doubling } from './shared/retry';
export { invalidRequest } from './contract/invalid-request';
export { walk, type After } from './shared/walk';
export type { AnswerFile, QuestionFile } from './model/file';
export type { Question } from './model/question';
export type { MessageRange, Range, Selection } from './model/page';
export type { MessageReference, MessageRole, NewMessage } from './model/message';
export type { NewSessionEntry, SessionEntry, SessionFilter, SessionRange } from './model/session';
export type { SessionSource } from './ports/session-source';
export { noOtherNodes, type Listening, type NodeBus } from './ports/nodes/node-bus';
export type { LiveEvents, LogPart, LogReader, SharedLog } from './ports/nodes/live-events';
export { alone, type Nodes } from './ports/nodes/nodes';
export { noSharedPlaces, type SharedPlaces } from './shared/places';
export type { AnswerRange, CharacterSessionRange, SessionStore } from './ports/session-store';
export type { SessionConnection } from './session/connection';
export type { Outlet } from './session/feed';
export { pick } from './contract/messages/named-fields';
export {
  parseSessionFields,
  parseSessionMessageFields,
  toSessionError,
  toSessionMessageReply,
  type SessionMessageReply,
  type SessionReply,
} from './contract/sessions/reply';
export {
  assertOwn,
  parseEdit,
  parseNewMessage,
  parseNewSession,
  parseNewTitle,
  parsePage,
  parseMessageTarget,
  parseSelection,
  parseSessionFilter,
  parseSessionTarget,
  parseSessionWish,
  parseUserId,
  parseUserTarget,
  toMessageReference,
} from './contract/sessions/request';
export { upstreamIdOf, type OtherThreads, type Session, type SessionReference } from './model/session';
export type { Sent } from './turn/send';
export {
  parseChatSettings,
  type ChatSettings,
  type LimitSettings,
  type RequestSettings,
  type SocketSettings,
} from './settings';
export type { Batches } from './stream/follower';
export type { Frame } from './stream/sse';
export { EventStream } from './stream/event-stream';
export { settledWithin } from './shared/settled-within';
export { toStorableJson, toStorableText } from './shared/storable-text';
export { storedChars, storedCharsOf } from './limits/text-allowance';
export type {
  AbandonedTurn,
  Abandonment,
  Checkpoint,
  NewTurn,
  SentTurn,
  TurnEnding,
  TurnProgress,
} from './model/turn';
export type { Exchange } from './ports/upstream';
export type { TurnStore } from './ports/turn-store';
export { turnOutcomes, type FinalOutcome, type TurnOutcome, type Usage } from './model/outcome';
export type { SavedTurn } from './model/turn';
export type { TurnState } from './turn/access';
export type { UpstreamProblem } from './ports/upstream';
export type { UpstreamKeys } from './ports/upstreams/keys';
export { isBlank } from './shared/blank-text';
export type { Upstreams } from './ports/upstreams';
export type { OwnerSource, UserSource } from './ports/users/user-source';
export { tokenScopes, type PersonalToken, type TokenRequest, type TokenScope } from './model/owner';
export { parseNewToken } from './contract/token/request';
export { toTokenReply } from './contract/token/reply';
export { assertScope } from './limits/token-scope';
export { SettingsError } from '../env/variables';
export type {
  EndedConversation,
  FinishedTrial,
  TriedPrompt,
  TrialOutcome,
  TrialStore,
} from './ports/trials/trial-store';
export type {
  ComparedAnswer,
  ComparedQuestion,
  ComparisonState,
  ComparisonStore,
  NewComparison,
  SavedComparison,
} from './ports/trials/comparison-store';
export type { ComparedPrompt } from './trial/comparisons';
export type { TrialQuestion } from './trial/trials';
export { askForWhole, type WholeAnswer } from './trial/whole-answer';
export { parseStreamFormat, type StreamFormat } from './contract/stream-event';
export {
  aiSdkFraming,
  difyFraming,
  openaiFraming,
  ownFraming,
  readCompletion,
  toAiSdkFrames,
  toDifyFrames,
  toOpenAIFrames,
  type Framing,
} from './stream/framing';
export { toAiSdkMessages } from './contract/ai-sdk/message';
export { parseAiSdkRequest } from './contract/ai-sdk/request';
export { toOpenAIError } from './contract/openai/error';
export { toOpenAICompletion, toOpenAIModel } from './contract/openai/reply';
export { parseCompletion, type CompletionRequest } from './contract/openai/request';
export { toDifyAnswer } from './contract/dify/event';
export { toDifyError } from './contract/dify/error';
export {
  toDifyConsoleMessage,
  toDifyConversation,
  toDifyInfo,
  toDifyList,
  toDifyMessage,
  toDifyMeta,
  toDifyParameters,
  toDifySite,
} from './contract/dify/reply';
export {
  parseDifyConversationPage,
  parseDifyFeedback,
  parseDifyMessagePage,
  parseDifyName,
  parseDifyQuestion,
} from './contract/dify/request';
