/**
 * Sends messages between the processes of one installation ("nodes"). With one process, it does nothing. A message that
 * is sent while the bus is away is lost, so everything that depends on one must also work without it, later.
 */
export interface NodeBus {
  /** Sends a message to the other nodes that listen. It becomes JSON. Never throws. */
  send(topic: string, message: object): void;
  /** Calls `listener` with each message of the other nodes. It must check the message, and must not throw. */
  listen(topic: string, listener: (message: unknown) => void): Listening;
  /**
   * Calls `listener` each time the bus works, also the first time. Messages before that may be lost.
   * @returns a function that ends this.
   */
  onBack(listener: () => void): () => void;
  /** Returns whether messages arrive now. */
  isConnected(): boolean;
}

export interface Listening {
  /** Settles when all later messages arrive, or when the bus is away. In that case they arrive after `onBack`. */
  readonly begun: Promise<void>;
  end(): void;
}

/** The bus of a process that works alone. */
export const noOtherNodes: NodeBus = {
  send: () => undefined,
  listen: () => ({ begun: Promise.resolve(), end: () => undefined }),
  onBack: () => () => undefined,
  isConnected: () => false,
};
