import { ChatError } from '../errors';

/**
 * Checks the `Idempotency-Key` header and returns it unchanged. The quotes of the draft standard are part of the key.
 * @returns undefined if the header is empty.
 * @throws ChatError `invalid-request`
 */
export function parseIdempotencyKey(header: string): string | undefined {
  if (header === '') return undefined;
  if (header.length <= 255 && /^[\x21-\x7e]+$/u.test(header)) return header;
  throw new ChatError('invalid-request', {
    sentence: 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces, e.g. a UUID.',
  });
}
