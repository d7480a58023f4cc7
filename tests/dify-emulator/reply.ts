import type { Turn } from './events';
import type { EventFields } from './frames';
import type { RecordedRequest } from './requests';
import type { Usage } from './usage';
import type { HttpAnswer, Wire } from './wire';

/**
 * The writer of one reply, in hand. Promises resolve once the bytes are with the kernel. After the client
 * left, after a stop and after the end every call is a harmless no-op, so no script has to check.
 */
export interface Reply {
  readonly request: RecordedRequest;
  readonly turn: Turn;
  readonly taskId: string;
  readonly conversationId: string;
  readonly messageId: string;
  /** The pieces of the answer the emulator would give by itself. */
  readonly deltas: readonly string[];
  /** The answer so far. */
  readonly said: string;
  /** The bytes under the events: headers, cutting. */
  readonly wire: Wire;
  /** Resolves once the response is over: the client went away, or it was ended here. */
  readonly closed: Promise<void>;

  /** Sends a delta, adds it to the answer. `overrides` change the event; `undefined` leaves a field out. */
  readonly say: (text: string, overrides?: EventFields) => Promise<void>;
  /** Says the next `count` of `deltas` (default: all that are left), pausing in between. */
  readonly tell: (count?: number) => Promise<void>;
  /** Sends `message_replace`: the answer so far is void, `text` is the answer. */
  readonly replace: (text: string) => Promise<void>;
  /** Sends any event; envelope fields are added unless given. */
  readonly event: (fields: EventFields & { readonly event: string }) => Promise<void>;
  readonly ping: () => Promise<void>;
  readonly raw: (bytes: Buffer | string) => Promise<void>;
  /** Pings from now on: like the queue loop of chat apps (always) or like chatflows (in silence only). */
  readonly keepAlive: (when?: 'always' | 'in-silence') => void;
  /** Resolves after `ms`, or at once when there is nobody left to write to. */
  readonly pause: (ms: number) => Promise<void>;

  /** Saves the answer so far, as Dify does right before `message_end`. */
  readonly save: () => void;
  /** Saves and sends `message_end`; the response stays open. `overrides` change the event. */
  readonly finish: (overrides?: EventFields) => Promise<void>;
  /** Finishes, unless that is done, and ends the response. */
  readonly end: (usage?: Partial<Usage>) => Promise<void>;
  /** Fails the message, sends the `error` event and ends the response. */
  readonly error: (code: string, message?: string, status?: number) => Promise<void>;
  /** Answers something else than a stream; only before the first byte. */
  readonly refuse: (answer: HttpAnswer) => Promise<void>;
  /** Ends the response in an orderly way with no terminal event. */
  readonly cut: () => Promise<void>;
  /** Closes the socket (FIN) in the middle of the response. */
  readonly hangUp: () => Promise<void>;
  /** Resets the connection (RST). */
  readonly reset: () => Promise<void>;
  /** Falls silent, pings included, and resolves once the response is closed. */
  readonly stall: () => Promise<void>;

  /** What POST /chat-messages/:task_id/stop does: saves the part there is and ends normally. */
  readonly stop: () => Promise<void>;
  /** From now on a stop has no effect. */
  readonly ignoreStop: () => void;
  /** From now on the reply goes on, and is saved, without its client. */
  readonly outlive: () => void;
}
