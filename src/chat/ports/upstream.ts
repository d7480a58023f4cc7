import type { Usage } from '../model/outcome';

export interface UpstreamQuestion {
  readonly query: string;
  /** The app's own variables. Resent with every question: some releases take them only from the request. */
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly prompt: string;
  readonly user: string;
  /** Null begins a conversation. */
  readonly conversationId: string | null;
}

export type TakeEvents = (events: readonly ReplyEvent[]) => void;

export interface Upstream {
  /**
   * `POST /chat-messages`, always streaming: hands over the reply's events, one batch per chunk received, at the end of
   * the iteration of the event loop it arrives in. Settles after `completed`; the response is read on for a moment behind
   * the caller's back, because Dify may still be naming the conversation. If `take` throws, the connection is closed, and
   * Dify then forgets the answer.
   * @throws ChatError `upstream-…`, before the first event or between two; what `take` throws.
   */
  ask(question: UpstreamQuestion, take: TakeEvents): Promise<void>;
  /**
   * `POST /chat-messages/:task_id/stop`, for the user who asked. Dify says yes to everything and stops what it can; the
   * reply then ends by itself, and must be read to that end or Dify saves nothing of it.
   * @throws ChatError `upstream-…` when Dify cannot be told.
   */
  stop(taskId: string, user: string): Promise<void>;
  /**
   * `GET /messages`: the answer Dify has saved for a question nobody read to its end, which is there once it has come to
   * its end; most versions never save one whose reader was lost. The message is known by its id; without one by its
   * words and its time, in its conversation or in those the user began then. Null where there is none, while it is being
   * generated, and where two could be meant.
   * @param isKnown whether a message found by its words is another turn's.
   * @throws ChatError `upstream-…` when Dify cannot be asked; `upstream-conversation-gone` when it was deleted there.
   */
  findLostAnswer(lost: LostAnswer, isKnown?: IsKnown): Promise<FoundAnswer | null>;
  /**
   * `POST /messages/:message_id/feedbacks`, for the user who asked. What cannot be said there has nothing to be said:
   * that a message Dify does not have is rated, or that a rating it does not have is taken back.
   * @throws ChatError `upstream-…` when Dify cannot be told.
   */
  rate(messageId: string, rating: Rating): Promise<void>;
  /**
   * `GET /messages/:message_id/suggested`: what the user could ask next; a model is run for it. None where the app does
   * not suggest any, or Dify does not have the message.
   * @throws ChatError `upstream-…` when Dify cannot be asked, or fails at it.
   */
  suggestQuestions(messageId: string, user: string): Promise<readonly string[]>;
}

/** What a streamed reply tells us, whatever kind of app it comes from. */
export type ReplyEvent =
  | {
      readonly type: 'identified';
      readonly taskId: string | undefined;
      readonly messageId: string | undefined;
      readonly conversationId: string | undefined;
    }
  | { readonly type: 'delta'; readonly text: string }
  | { readonly type: 'replaced'; readonly text: string }
  | { readonly type: 'completed'; readonly usage: Usage | null };

export interface UpstreamMessage {
  readonly conversationId: string;
  readonly messageId: string;
}

/** A question whose answer was lost with the process that read it, as far as it had been saved. */
export interface LostAnswer {
  /** The `user` Dify was told. */
  readonly user: string;
  readonly query: string;
  readonly askedAt: Date;
  /** Dify's; null where it was not known yet, or the question began a conversation. */
  readonly conversationId: string | null;
  /** Dify's; undefined where it was not known yet. */
  readonly messageId?: string | undefined;
}

export interface FoundAnswer extends UpstreamMessage {
  readonly answer: string;
}

export type IsKnown = (messageId: string) => Promise<boolean>;

export interface Rating {
  readonly user: string;
  /** Null takes a rating back. */
  readonly rating: 'like' | 'dislike' | null;
  /** What the user says about it. Dify keeps it from 1.x on. */
  readonly content?: string | undefined;
}
