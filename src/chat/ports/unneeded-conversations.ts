/** A conversation in the upstream, and the `user` that the server sent with its question. */
export interface UpstreamConversation {
  /** The upstream's id. */
  readonly conversationId: string;
  readonly user: string;
  /** Where it is. See `upstreamIdOf`. */
  readonly upstreamId: string | null;
}

/** A conversation that the upstream still has although its session is erased here. It names nothing else. */
export interface UnneededConversation extends UpstreamConversation {
  readonly id: number;
  /** How often the server has tried to delete it before. */
  readonly tries: number;
}

/**
 * The conversations that must be deleted in the upstream. The transaction that erases a session adds its
 * conversation.
 */
export interface UnneededConversations {
  /** Adds a conversation that the upstream began too late for that transaction. Does nothing if a session has it. */
  add(conversation: UpstreamConversation): Promise<void>;
  /**
   * Returns one that is due, and makes it due again after a growing pause. No other process gets it until then.
   * @param except the ids of upstreams whose conversations must wait.
   */
  claim(except?: readonly string[]): Promise<UnneededConversation | null>;
  /** Removes one that the upstream does not have any more. */
  settle(id: number): Promise<void>;
}
