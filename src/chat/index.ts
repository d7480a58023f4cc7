export { createChat, type Chat, type ChatDependencies } from './chat';
export type { Character, CharacterSource } from './characters';
export { withDeadline } from './deadline';
export { ChatError, chatErrors, isChatErrorCode, type ChatErrorCode, type RateLimit } from './errors';
export { createFairQueue } from './fair-queue';
export { parseFeedback } from './feedback';
export type { Comparison, Filter, TextMatch, Value } from './filter';
export {
  parseConversationRequest,
  parseConversationId,
  parseConversationPage,
  parseHistoryMessage,
  parseHistoryPart,
} from './history-request';
export { toConversationReply, toHistoryMessageReply } from './history-reply';
export type {
  ChatCompletion,
  CompletionMessage,
  CompletionResponse,
  FailedCompletion,
} from '../history/records/completion';
export type { HistoryAccess } from '../history/reading/access';
export { parseWhose, type UserReference, type Whose } from '../history/reading/request';
export type {
  FormerErasure,
  FormerUser,
  HistoryNaming,
  Match,
  Unnamed,
} from '../history/naming/history-naming';
export { dayBefore } from '../history/tidy';
export type { HistoryMaintenance, DayPartition, TableSize } from '../history/model/maintenance';
export { HistoryProblem, historyProblems, type HistoryProblemCode } from '../history/model/problem';
export type {
  Bucket,
  ConversationSummary,
  Erasure,
  HistoryPage,
  HistoryStore,
  NamedUser,
  Position,
  Scope,
  StoredRecord,
} from '../history/model/store';
export type { HistoryError, HistoryRecord, HistoryUsage } from '../history/model/record';
export {
  parseHistoryStoreSettings,
  type HistoryAddress,
  type HistoryStoreSettings,
  type PoolSettings,
} from '../history/settings';
export type { Backlog, FinishedTurn, HistorySource } from '../history/model/source';
export type { HistoryStatus } from '../history/copying/status';
export { parseIdempotencyKey } from './idempotency';
export type { DayCounter, MinuteCounter, UserCounters } from './limits';
export { describeError, type Log } from './log';
export { tellAtLoopEnd } from './loop-end';
export { newMessageId } from './message-id';
export type { MessageQuery, SortKey } from './message-query';
export type { Message, MessageMarks, MessageStore } from './messages';
export type { Erased, OwnDataStore } from './own-data';
export type { Owner } from './owner';
export { parseInputs, parseQuestion } from './question';
export type { Hit, SearchStore } from './search';
export { assertCharacter } from './session-access';
export type {
  After,
  MessageRange,
  MessageReference,
  NewMessage,
  NewSessionEntry,
  Range,
  Selection,
  SessionEntry,
  SessionStore,
} from './session-access';
export type { SessionConnection } from './session-connection';
export type { Outlet } from './session-feed';
export { toSessionMessageReply, toSessionReply } from './session-reply';
export {
  assertOwn,
  parseEdit,
  parseNewMessage,
  parseNewSession,
  parseNewTitle,
  parsePage,
  parseSelection,
  parseUserId,
  toMessageReference,
} from './session-request';
export type { Session, SessionReference } from './sessions';
export type { Sent } from './send';
export { parseChatSettings, type ChatSettings, type LimitSettings, type SocketSettings } from './settings';
export type { Frame } from './sse/encode';
export { relay } from './sse/relay';
export { settledWithin } from './settled-within';
export { toStorableJson, toStorableText } from './storable-text';
export { storedChars, storedCharsOf } from './text-allowance';
export type {
  AbandonedTurn,
  Abandonment,
  NewTurn,
  SentTurn,
  TurnEnding,
  TurnProgress,
  TurnStore,
} from './stores';
export type { FinalOutcome, SavedTurn, TurnOutcome, Usage } from './turn-event';
export type { TurnState } from './turn-access';
export type { UserSource } from './users';
export { SettingsError } from './variables';
export { toLastEvent } from './wire-event';
