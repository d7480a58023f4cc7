import { ApiError, NetworkError } from '../http/errors.ts';
import type { Authorization } from '../http/http.ts';
import type { Retries } from '../http/retry.ts';
import { openConnection, type Connection, type WebSocketConstructor } from './connection.ts';
import type { Frame } from './events.ts';

export interface KeepConnectedOptions {
  readonly WebSocket: WebSocketConstructor;
  readonly url: string;
  readonly authorization: Authorization;
  readonly retries: Retries;
  readonly silenceMs: number;
  /** Ends it. The caller closes the connection. */
  readonly signal: AbortSignal;
  readonly onFrame: (frame: Frame) => void;
  readonly onOpen: (connection: Connection) => void;
}

/** Connects again and again. @returns why another connection does not help, or undefined after `signal`. */
export async function keepConnected(options: KeepConnectedOptions): Promise<Error | undefined> {
  const { authorization, retries, signal } = options;
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      const token = await authorization.token();
      if (signal.aborted) return undefined;
      const { code, lastEvent } = await connectOnce(options, token);
      if (lastEvent === 'session_deleted') return undefined;
      if (code === 4403 || code === 4404) return refused(code);
      if (code === 4401 && (await authorization.renew(token)) === null) return refused(code);
      if (lastEvent !== null) failures = 1;
      await retries.pause(failures, signal);
    } catch (error) {
      if (signal.aborted) return undefined;
      // To renew the token can fail for lack of a connection.
      const isPassing = error instanceof NetworkError || (error instanceof ApiError && error.status >= 429);
      if (!isPassing) return error as Error;
      await retries.pause(failures, signal).catch(() => undefined);
    }
  }
  return undefined;
}

function connectOnce(
  options: KeepConnectedOptions,
  token: string | null,
): Promise<{ readonly code: number; readonly lastEvent: string | null }> {
  let lastEvent: string | null = null;
  return new Promise((resolve) => {
    const connection = openConnection({
      ...options,
      token,
      onFrame(frame) {
        lastEvent = frame.event;
        options.onFrame(frame);
      },
      onClose: (code) => resolve({ code, lastEvent }),
    });
    options.onOpen(connection);
  });
}

const refusals: Readonly<Record<number, readonly [status: number, code: string, message: string]>> = {
  4401: [401, 'unauthorized', 'The login has ended. Log in again.'],
  4403: [403, 'forbidden', 'You may not connect.'],
  4404: [404, 'session-not-found', 'There is no such session.'],
};

function refused(closeCode: number): ApiError {
  const [status, code, message] = refusals[closeCode] ?? [500, 'internal', 'The connection was refused.'];
  return new ApiError({ status, code, message });
}
