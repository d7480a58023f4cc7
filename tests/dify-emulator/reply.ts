import type { Turn } from './events';
import type { EventFields } from './frames';
import type { RecordedRequest } from './requests';
import type { Usage } from './usage';
import type { HttpAnswer, Wire } from './wire';

export type AnswerFile = {
  readonly name: string;
  readonly mimeType: string;
  readonly bytes: Buffer;
  /** Default 'image'. */
  readonly type?: string;
  /** Replaces the link to the file. */
  readonly url?: string;
};

/**
 * Writes one reply. Promises resolve after the kernel has accepted the bytes. Calls after the end, after a stop or
 * after the client has left do nothing, so scripts need no checks.
 */
export interface Reply {
  readonly request: RecordedRequest;
  readonly turn: Turn;
  readonly taskId: string;
  readonly conversationId: string;
  readonly messageId: string;
  /** The pieces of the answer that a normal reply would send. */
  readonly deltas: readonly string[];
  /** The answer so far. */
  readonly said: string;
  /** Whether a stop has ended the reply. */
  readonly isStopped: boolean;
  /** The bytes of the response: headers, chunks. */
  readonly wire: Wire;
  /** Resolves after the response has ended, by the client or by the emulator. */
  readonly closed: Promise<void>;

  /** Sends a delta and adds it to the answer. `overrides` change the event; `undefined` omits a field. */
  readonly say: (text: string, overrides?: EventFields) => Promise<void>;
  /** Sends the next `count` of `deltas` (default: all that are left), with pauses in between. */
  readonly tell: (count?: number) => Promise<void>;
  /** Sends a file of the answer, as a tool makes it. */
  readonly showFile: (file: AnswerFile) => Promise<void>;
  /** Sends `message_replace`: `text` replaces the answer so far. */
  readonly replace: (text: string) => Promise<void>;
  /** Sends any event. Adds the fields of every event that are not given. */
  readonly event: (fields: EventFields & { readonly event: string }) => Promise<void>;
  readonly ping: () => Promise<void>;
  readonly raw: (bytes: Buffer | string) => Promise<void>;
  /** Starts pings: always, as chat apps do, or only in silence, as chatflows do. */
  readonly keepAlive: (when?: 'always' | 'in-silence') => void;
  /** Resolves after `ms`, or immediately when the reply has ended. */
  readonly pause: (ms: number) => Promise<void>;

  /** Saves the answer so far, as Dify does right before `message_end`. */
  readonly save: () => void;
  /** Saves the answer and sends `message_end`. The response stays open. `overrides` change the event. */
  readonly finish: (overrides?: EventFields) => Promise<void>;
  /** Calls `finish` if necessary, and ends the response. */
  readonly end: (usage?: Partial<Usage>) => Promise<void>;
  /** Marks the message as failed, sends the `error` event and ends the response. */
  readonly error: (code: string, message?: string, status?: number) => Promise<void>;
  /** Sends another response instead of a stream. Only possible before the first byte. */
  readonly refuse: (answer: HttpAnswer) => Promise<void>;
  /** Ends the response properly, but without a terminal event. */
  readonly cut: () => Promise<void>;
  /** Closes the socket (FIN) in the middle of the response. */
  readonly hangUp: () => Promise<void>;
  /** Resets the connection (RST). */
  readonly reset: () => Promise<void>;
  /** Sends nothing more, not even pings. Resolves after the response is closed. */
  readonly stall: () => Promise<void>;

  /** Handles POST /chat-messages/:task_id/stop: saves the partial answer and ends the reply normally. */
  readonly stop: () => Promise<void>;
  /** Makes stop calls ineffective. */
  readonly ignoreStop: () => void;
  /** The reply continues without its client, and is saved. */
  readonly outlive: () => void;
}
