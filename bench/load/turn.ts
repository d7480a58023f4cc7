import { connect } from 'node:net';

import { nowUs } from '../upstream/token';
import { createHttpBody } from './http-body';
import { createTranscript } from './transcript';

const turnTimeoutMs = 120_000;

export interface TurnOptions {
  readonly port: number;
  readonly request: string;
  /** Number of events that the answer must have. */
  readonly expected: number;
  readonly onFirst: (ms: number) => void;
  readonly onEvent: (index: number, underWayUs: number) => void;
}

/** Asks on a new connection and reads the answer to its end. @throws Error for a wrong byte. */
export function runTurn({ port, request, expected, onFirst, onEvent }: TurnOptions): Promise<void> {
  const beginUs = nowUs();
  const transcript = createTranscript(expected);
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const finish = (error?: Error) => {
      clearTimeout(timer);
      socket.destroy();
      if (error !== undefined) reject(error);
      else if (!transcript.isComplete())
        reject(new Error(`The answer ended after ${transcript.count()} events.`));
      else resolve();
    };
    const timer = setTimeout(
      () => finish(new Error(`No end after ${turnTimeoutMs} ms, ${transcript.count()} events.`)),
      turnTimeoutMs,
    );
    const body = createHttpBody();
    const take = (piece: string) => {
      const hadNone = transcript.count() === 0;
      const tokens = transcript.take(piece);
      if (tokens.length === 0) return;
      const arrivedUs = nowUs();
      if (hadNone) onFirst((arrivedUs - beginUs) / 1000);
      for (const { index, sentUs } of tokens) onEvent(index, arrivedUs - sentUs);
    };
    socket.once('connect', () => socket.write(request));
    socket.on('data', (piece: Buffer) => {
      try {
        take(body.take(piece.toString('latin1')));
        if (body.isOver()) finish();
      } catch (error) {
        finish(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.once('error', finish);
    socket.once('close', () => finish());
  });
}
