import { createHash } from 'node:crypto';

import { ChatError } from '../errors';
import type { Question } from '../model/question';

/**
 * The `Idempotency-Key` header, as it is: the quotes that the standard's draft puts around it are part of it.
 * @returns undefined where there is none.
 * @throws ChatError `invalid-request`
 */
export function parseIdempotencyKey(header: string): string | undefined {
  if (header === '') return undefined;
  if (header.length <= 255 && /^[\x21-\x7e]+$/u.test(header)) return header;
  throw new ChatError('invalid-request', {
    sentence: 'Idempotency-Key has to be 1 to 255 printable ASCII characters without spaces, e.g. a UUID.',
  });
}

/** A digest of everything that decides what is asked. Two bodies that mean the same have the same one. */
export function fingerprintOf(question: Question): string {
  const { characterId, query, session, inputs, regenerates, supersedes } = question;
  const { sessionId, conversationId } = session;
  const asked = [
    characterId,
    query,
    sessionId ?? null,
    conversationId ?? null,
    sorted(inputs),
    regenerates ?? null,
    // Only where there is one: the digests that are saved were made without.
    ...(supersedes === undefined ? [] : [supersedes]),
  ];
  return createHash('sha256').update(JSON.stringify(asked)).digest('hex');
}

/** The order of an object's keys means nothing. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
