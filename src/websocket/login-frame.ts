import { z } from 'zod';

import { ChatError } from '../chat';
import type { SocketClient } from './client';
import { closeCodeOf } from './close';

/** How long a client may take to send its login frame. */
const loginTimeoutMs = 5_000;

const loginSchema = z.object({ type: z.literal('auth'), token: z.string().min(1) });

/**
 * Waits for the login of a client: its first frame must be `{"type":"auth","token":"…"}`.
 * If the login fails or does not come in time, the connection is closed.
 * Later frames wait for `enter`, which returns their receiver.
 */
export function receiveLogin(
  client: SocketClient,
  enter: (token: string) => Promise<(frame: string) => void>,
  toClientError: (error: unknown) => ChatError,
): void {
  const refuse = (error: unknown) => {
    clearTimeout(timer);
    const known = toClientError(error);
    client.close(closeCodeOf(known), known.code);
  };
  const timer = setTimeout(() => refuse(new ChatError('unauthorized')), loginTimeoutMs);
  client.gone.addEventListener('abort', () => clearTimeout(timer), { once: true });

  client.receiveWith((first) => {
    clearTimeout(timer);
    const early: string[] = [];
    client.receiveWith((frame) => early.push(frame));
    logIn(first)
      .then((receive) => {
        client.receiveWith(receive);
        early.forEach(receive);
      })
      .catch(refuse);
  });

  async function logIn(frame: string): Promise<(frame: string) => void> {
    const login = loginSchema.safeParse(parseJson(frame)).data;
    if (login === undefined) throw new ChatError('unauthorized');
    return enter(login.token);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
