export { createHistory, type History, type HistoryDependencies } from './history';
export type { UsageReply, UsageRow, UsageSums } from './reading/usage';
export type { RatingCount, RatingQuery, RatingSource } from './model/usage';
export type { HistoryWriter } from './copying/writer';
export type {
  ChatCompletion,
  CompletionMessage,
  CompletionResponse,
  FailedCompletion,
} from './records/completion';
export type { HistoryAccess } from './reading/access';
export * as historySchemas from './reading/schemas';
export { parseWhose, type UserReference, type Whose } from './reading/request';
export type { FormerErasure, FormerUser, HistoryNaming, Match, Unnamed } from './naming/history-naming';
export { dayBefore } from './tidy';
export type { HistoryMaintenance, DayPartition, TableSize } from './model/maintenance';
export { HistoryProblem, historyProblems, type HistoryProblemCode } from './model/problem';
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
} from './model/store';
export type { HistoryError, HistoryRecord, HistoryUsage } from './model/record';
export {
  parseHistoryStoreSettings,
  type HistoryAddress,
  type HistoryStoreSettings,
  type PoolSettings,
} from './settings';
export type { Backlog, FinishedTurn, HistorySource } from './model/source';
export type { HistoryStatus } from './copying/status';
