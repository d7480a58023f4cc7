import type { ChatErrorCode } from '../../errors';
import type { Usage } from '../../model/outcome';

export type TrialOutcome = 'completed' | 'stopped' | 'failed';

/** What an editor tries: the saved draft, the published version, or a kept version. */
export interface TriedPrompt {
  readonly side: 'draft' | 'published' | 'version';
  /** The number of the version with these fields; null for a draft that no version equals. */
  readonly version: number | null;
  /** The hash of the fields that make the answer. Equal fields have the same hash. */
  readonly hash: string | null;
}

/** A question of an editor with its answer, after its end. */
export interface FinishedTrial {
  /** Null if no question can continue it. */
  readonly thread: string | null;
  /** The row of the administrator who asked. */
  readonly adminId: number;
  readonly characterId: string;
  readonly tried: TriedPrompt;
  readonly query: string;
  /** The text so far if the answer was stopped or failed. */
  readonly answer: string;
  readonly outcome: TrialOutcome;
  readonly error: TrialError | null;
  readonly usage: Usage | null;
  readonly ms: number;
  /** Null if no upstream could be chosen. */
  readonly upstreamId: string | null;
  /** The ids of the upstream, if it keeps conversations and has named them. */
  readonly conversationId: string | null;
  readonly messageId: string | null;
}

export interface TrialError {
  readonly code: ChatErrorCode;
  /** A sentence for the editor. */
  readonly sentence: string;
  /** The upstream's own sentence. */
  readonly detail: string | null;
}

/** Where the next question of a thread goes. */
export interface TrialPlace {
  readonly upstreamId: string | null;
  readonly conversationId: string | null;
  /** The upstream's id of the newest answer that has text. */
  readonly messageId: string | null;
}

/** A conversation in an upstream that no trial continues any more. */
export interface EndedConversation {
  readonly conversationId: string;
  readonly upstreamId: string | null;
}

export interface TrialExchange {
  readonly question: string;
  readonly answer: string;
}

/** The trials of editors. They are no messages: no list, sum or limit of users reads them. */
export interface TrialStore {
  save(trial: FinishedTrial): Promise<void>;
  /** Returns null if the thread has no question. */
  findPlace(thread: string): Promise<TrialPlace | null>;
  /** Reads the exchanges of a thread that have an answer, newest first. */
  readEarlier(thread: string): AsyncIterable<TrialExchange>;
  /** Ends a thread: no question continues it. Its trials stay. @returns its conversations, each once. */
  endThread(thread: string): Promise<readonly EndedConversation[]>;
  /** Ends the threads that have no question since then. */
  endIdle(since: Date): Promise<readonly EndedConversation[]>;
}
