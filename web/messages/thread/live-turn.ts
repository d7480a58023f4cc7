import { signal, type Signal } from '@preact/signals';
import {
  isTerminal,
  NetworkError,
  textAfter,
  type Answer,
  type TurnEvent,
  type TurnEventOf,
} from 'character-chat-client';

import { client } from '../../platform/client';
import { listenToWake, wakeOr } from '../../platform/connection';
import { onNextFrame, yieldToPage } from '../../platform/next-frame';

export type LiveStatus = 'waiting' | 'streaming' | 'reconnecting';

/** An answer that is being written. */
export interface LiveTurn {
  readonly turnId: Signal<string | null>;
  readonly text: Signal<string>;
  readonly status: Signal<LiveStatus>;
  /** The place in the queue of the answering service. */
  readonly place: Signal<number | null>;
  /** Reads to the end, over lost connections and sleep. @throws what ends it before its first event */
  read(
    onStarted: (event: TurnEventOf<'turn_started'>) => void,
  ): Promise<TurnEventOf<'message_end' | 'error'> | null>;
  stop(): Promise<void>;
  /** Ends the reading. The answer continues on the server. */
  leave(): void;
}

const retryMs = 3_000;
const maxBlockMs = 20;

/** @param open begins the turn, or follows it. Called again, it must not ask twice. */
export function createLiveTurn(open: (signal: AbortSignal) => Answer, known: string | null = null): LiveTurn {
  const turnId = signal(known);
  const text = signal('');
  const status = signal<LiveStatus>('waiting');
  const place = signal<number | null>(null);
  const leaving = new AbortController();
  let isStopped = false;
  let lastEventId = 0;
  let written = '';
  let cancelFrame: (() => void) | null = null;

  const flush = () => {
    cancelFrame = null;
    text.value = written;
  };

  function apply(event: TurnEvent): void {
    lastEventId = event.seq;
    written = textAfter(written, event);
    if (event.event === 'queued') place.value = event.place;
    if (event.event === 'message' || event.event === 'message_replace') status.value = 'streaming';
    // One rendering for each frame, however many events come.
    cancelFrame ??= onNextFrame(flush);
  }

  /** Reads one connection. After sleep it may be dead without saying so, so each wake opens another. */
  async function readOnce(onStarted: (event: TurnEventOf<'turn_started'>) => void) {
    const connection = new AbortController();
    const end = () => connection.abort(new NetworkError('The page has woken.'));
    const stopListening = listenToWake(end);
    leaving.signal.addEventListener('abort', () => connection.abort(leaving.signal.reason), { once: true });
    let pausedAt = performance.now();
    try {
      for await (const event of nextAnswer(connection.signal)) {
        apply(event);
        if (event.event === 'turn_started') {
          turnId.value = event.turn_id;
          onStarted(event);
          if (isStopped) void stop();
        }
        if (isTerminal(event)) return event;
        if (performance.now() - pausedAt < maxBlockMs) continue;
        await yieldToPage();
        pausedAt = performance.now();
      }
      return null;
    } finally {
      stopListening();
    }
  }

  function nextAnswer(signal: AbortSignal): Answer {
    if (turnId.value === null || lastEventId === 0) return open(signal);
    return client.follow(turnId.value, { lastEventId, signal });
  }

  async function stop(): Promise<void> {
    isStopped = true;
    if (turnId.value !== null) await client.stop(turnId.value);
  }

  return {
    ...{ turnId, text, status, place, stop },
    async read(onStarted) {
      for (;;) {
        try {
          return await readOnce(onStarted);
        } catch (error) {
          if (leaving.signal.aborted) return null;
          if (!(error instanceof NetworkError)) throw error;
          status.value = 'reconnecting';
          if (!navigator.onLine || error.message !== 'The page has woken.') await wakeOr(retryMs);
        } finally {
          cancelFrame?.();
          flush();
        }
      }
    },
    leave: () => leaving.abort(),
  };
}
