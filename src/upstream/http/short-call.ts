import { createCall, keyOf, readStart, type Call, type CallTarget, type Response } from './call';
import { fromTransportError } from './errors';

/** The complete response of a call that is not streamed. */
export interface ShortReply {
  readonly status: number;
  readonly body: string;
  /** The values of `Set-Cookie`. */
  readonly cookies: readonly string[];
  /** The key of the request, which an error in the body can quote. Empty without a key. */
  readonly apiKey: string;
}

/**
 * Sends one request with its own timeout, and reads its whole response.
 * @param withinMs the time from the connection to the end of the response.
 * @throws ChatError `upstream-…` if no response arrives in time.
 */
export async function shortCall(
  target: CallTarget,
  withinMs: number,
  request: (call: Call) => Promise<Response>,
  signal?: AbortSignal,
): Promise<ShortReply> {
  // Nothing calls `deadlines.received`, so the deadline of the first byte is also that of the last byte.
  const firstByteTimeoutMs = Math.min(target.firstByteTimeoutMs, withinMs);
  const connectTimeoutMs = Math.min(target.connectTimeoutMs, withinMs);
  const call = createCall({ ...target, connectTimeoutMs, firstByteTimeoutMs }, signal);
  try {
    const response = await request(call);
    const body = await readStart(response.body);
    const expired = call.expired();
    if (expired !== undefined) throw expired;
    return { status: response.status, body, cookies: response.cookies, apiKey: keyOf(target) };
  } catch (error) {
    throw call.expired() ?? fromTransportError(error, { hasBegun: false });
  } finally {
    call.deadlines.cancel();
  }
}
