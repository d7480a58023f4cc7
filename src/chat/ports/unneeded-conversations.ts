/** A conversation in Dify, and the `user` that the server sent to Dify. */
export interface UpstreamConversation {
  /** Dify's id. */
  readonly conversationId: string;
  readonly user: string;
  /** Where it is. See `upstreamIdOf`. */
  readonly upstreamId: string | null;
}

/** A conversation that Dify still has although its session is erased here. It names nothing else. */
export interface UnneededConversation extends UpstreamConversation {
  readonly id: number;
  /** How often the server has tried to delete it before. */
  readonly tries: number;
}

/** The conversations that must be deleted in Dify. The transaction that erases a session adds its conversation. */
export interface UnneededConversations {
  /** Adds a conversation that Dify began too late for that transaction. Does nothing if a session has it. */
  add(conversation: UpstreamConversation): Promise<void>;
  /** Returns one that is due, and makes it due again after a growing pause. No other process gets it until then. */
  claim(): Promise<UnneededConversation | null>;
  /** Removes one that Dify does not have any more. */
  settle(id: number): Promise<void>;
}
