import type {
  AnswerFile,
  FileContent,
  FileOfAnswer,
  FileUpload,
  KeptFile,
  QuestionFile,
} from '../model/file';
import type { Usage } from '../model/outcome';

export interface UpstreamQuestion {
  readonly query: string;
  /**
   * The client's values for the variables of the Dify app. They go with every question: some releases read them only
   * there.
   */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The character's values, which those of the client replace. Users must not learn their names. */
  readonly characterInputs?: Readonly<Record<string, unknown>>;
  readonly prompt: string;
  readonly user: string;
  /** Null starts a new conversation. */
  readonly conversationId: string | null;
  /** Reads the earlier exchanges of the session, newest first. For an upstream that keeps no conversations. */
  readonly earlier?: () => AsyncIterable<Exchange>;
  /**
   * The upstream's id of the answer that this question follows, for an upstream with branches. Null begins anew inside
   * the conversation.
   */
  readonly parentMessageId: string | null;
  /** The character's model. Without it, the upstream uses its own. */
  readonly model?: UpstreamModel | undefined;
  /** The files of the question, which are the user's own. */
  readonly files?: readonly QuestionFile[];
  /** Reads an upload that the server keeps; null if it is gone. For an upstream that keeps no files. */
  readonly readFile?: (uploadFileId: string) => Promise<KeptFile | null>;
  /** The character's values for the parameters of the model, as an editor has set them. Each upstream checks its own. */
  readonly parameters?: Readonly<Record<string, unknown>> | undefined;
}

export interface UpstreamModel {
  readonly name: string;
  /** For an upstream with models of several providers. Without it, the upstream uses its own provider. */
  readonly provider?: string | undefined;
}

/** A question and its answer. The answer is the text so far if it was stopped or broke off. */
export interface Exchange {
  readonly question: string;
  readonly answer: string;
}

export type TakeEvents = (events: readonly ReplyEvent[]) => void;

export interface Upstream {
  /**
   * Asks a question: `POST /chat-messages`, always streaming. Calls `take` with the events of the reply, one batch per
   * received chunk. The call comes at the end of the event loop iteration in which the chunk arrives. Settles after
   * `completed`. The response is then read in the background for a moment, because Dify may still be naming the
   * conversation. If `take` throws, the connection is closed, and Dify then discards the answer.
   * A question may wait before it is sent. `take` then gets a `queued` event for each new place in the queue.
   * @param leave ends this wait. It does not end the answer.
   * @throws ChatError `upstream-…`, before the first event or between two, and `server-stopping` if `leave` fires. Also
   *   throws the errors of `take` and of `earlier`.
   */
  ask(question: UpstreamQuestion, take: TakeEvents, leave?: AbortSignal): Promise<void>;
  /** Whether the upstream saves answers. If not, the server does not look for a lost one. */
  readonly savesAnswers: boolean;
  /** Whether the upstream keeps conversations. If not, each question brings the earlier exchanges. */
  readonly keepsConversations: boolean;
  /** Whether a question can follow an answer other than the newest one. */
  readonly hasBranches: boolean;
  /** Undefined if the upstream keeps no files. The server then keeps images for a while, and questions bring them. */
  readonly files?: UpstreamFiles;
  /**
   * Returns whether questions can have files. Undefined if the upstream does not say: the server then passes images on.
   * @throws ChatError `upstream-…` if the request fails.
   */
  takesFiles?(): Promise<boolean>;
  /** Returns how many questions wait to be sent. */
  waiting(): number;
  /**
   * Returns what is wrong with the setup of the upstream, or null. It asks no model.
   * @throws ChatError `upstream-…` if the request fails.
   */
  findProblem(needs?: CharacterNeeds): Promise<UpstreamProblem | null>;
  /** Undefined if the upstream takes prompts of any length. */
  readonly promptLimit?: PromptLimit;
  /**
   * Stops an answer: `POST /chat-messages/:task_id/stop`, for the user who asked. Dify accepts every request and stops
   * what it can. The reply then ends by itself. If it is not read to that end, Dify saves nothing of it.
   * @throws ChatError `upstream-…` if the request fails.
   */
  stop(taskId: string, user: string): Promise<void>;
  /**
   * Returns the answer that Dify has saved for a question whose reply was not read to its end: `GET /messages`. Dify
   * saves an answer when it is complete. Most versions never save one that lost its reader. The message is found by
   * its id, or without one by its words and its time. The search covers its conversation, or those the user started at
   * that time. Null if no answer exists, while Dify generates it, and if two conversations match.
   * @param isKnown whether a message that was found by its words belongs to another turn.
   * @throws ChatError `upstream-…` if the request fails; `upstream-conversation-gone` if the conversation was deleted.
   */
  findLostAnswer(lost: LostAnswer, isKnown?: IsKnown): Promise<FoundAnswer | null>;
  /**
   * Rates an answer: `POST /messages/:message_id/feedbacks`, for the user who asked. Does nothing if Dify does not have
   * the message, or does not have the rating that is removed.
   * @throws ChatError `upstream-…` if the request fails.
   */
  rate(messageId: string, rating: Rating): Promise<void>;
  /**
   * Returns questions that the user could ask next: `GET /messages/:message_id/suggested`. Dify runs a model for it.
   * Empty if the app does not suggest any, or Dify does not have the message.
   * @throws ChatError `upstream-…` if the request fails.
   */
  suggestQuestions(messageId: string, user: string): Promise<readonly string[]>;
  /**
   * Deletes a conversation: `DELETE /conversations/:conversation_id`, for the user who began it. Does nothing if Dify
   * does not have it. `signal` ends the request.
   * @throws ChatError `upstream-…` if the request fails.
   */
  deleteConversation(conversationId: string, user: string, signal?: AbortSignal): Promise<void>;
}

/** What characters need of their upstream. */
export interface CharacterNeeds {
  /** Default: the model of the settings or of the app. */
  readonly model?: string | undefined;
  /** The length of their longest prompt in Unicode characters. Default: a usual length. */
  readonly promptChars?: number | undefined;
}

/** The maximum length of a prompt, in Unicode characters. Null: no limit. */
export interface PromptLimit {
  /** Asks the upstream. @throws ChatError `upstream-…` if the request fails. */
  read(): Promise<number | null>;
  /** Returns the limit that the upstream has shown last, also for another purpose. Null before that. */
  last(): number | null;
}

/** The files of an upstream that keeps them. */
export interface UpstreamFiles {
  /**
   * Uploads a file for a user: `POST /files/upload`. Dify takes its id in the questions of every user, so the caller
   * must check whose file a question names.
   * @returns the id of the file in questions.
   * @throws ChatError `payload-too-large` or `unsupported-media-type` if Dify refuses the file; `upstream-…` if the
   *   request fails.
   */
  upload(file: FileUpload, user: string): Promise<string>;
  /**
   * Opens a file of an answer, also after its link has expired. The caller must read or destroy the body.
   * @returns null if the upstream no longer has it, and if the settings do not allow its host.
   * @throws ChatError `upstream-…` if the request fails.
   */
  open(file: FileOfAnswer, signal: AbortSignal): Promise<FileContent | null>;
}

export interface UpstreamProblem {
  /** A short name, e.g. `prompt-variable-missing`. */
  readonly code: string;
  /** For the operator: what is wrong, and what to do. */
  readonly message: string;
  /** The part of the character's choice that can solve it, if one can. */
  readonly part?: 'kind' | 'appId' | 'sealedKey' | 'model';
}

/** An event of a streamed reply, the same for all upstreams. */
export type ReplyEvent =
  /** Can come again, when more ids are known. */
  | {
      readonly type: 'identified';
      readonly taskId: string | undefined;
      readonly messageId: string | undefined;
      readonly conversationId: string | undefined;
    }
  /** The question waits to be sent. 1 is the place of the next one. This event always comes alone. */
  | { readonly type: 'queued'; readonly place: number }
  | { readonly type: 'delta'; readonly text: string }
  | { readonly type: 'replaced'; readonly text: string }
  /** The answer has a file. */
  | { readonly type: 'file'; readonly file: AnswerFile }
  | { readonly type: 'completed'; readonly usage: Usage | null };

export interface UpstreamMessage {
  readonly conversationId: string;
  readonly messageId: string;
}

/** A question whose reply was not read to its end, with the ids that are known. */
export interface LostAnswer {
  /** The `user` that the server sent to Dify. */
  readonly user: string;
  readonly query: string;
  readonly askedAt: Date;
  /** Dify's id; null if it was not known yet, e.g. in a new conversation. */
  readonly conversationId: string | null;
  /** Dify's id; undefined if it was not known yet. */
  readonly messageId?: string | undefined;
}

export interface FoundAnswer extends UpstreamMessage {
  readonly answer: string;
  readonly files?: readonly AnswerFile[];
}

export type IsKnown = (messageId: string) => Promise<boolean>;

export interface Rating {
  readonly user: string;
  /** Null removes the rating. */
  readonly rating: 'like' | 'dislike' | null;
  /** A comment of the user. Dify saves it from version 1.x on. */
  readonly content?: string | undefined;
}
