import { ChatError } from '../errors';

/**
 * The `Idempotency-Key` header, as it is: the quotes that the standard's draft puts around it are part of it.
 * @returns undefined where there is none.
 * @throws ChatError `invalid-request`
 */
export function parseIdempotencyKey(header: string): string | undefined {
  if (header === '') return undefined;
  if (header.length <= 255 && /^[\x21-\x7e]+$/u.test(header)) return header;
  throw new ChatError('invalid-request', {
    sentence: 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces, e.g. a UUID.',
  });
}
