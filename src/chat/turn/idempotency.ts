import { createHash } from 'node:crypto';

import type { Question } from '../model/question';

/** Returns a digest of all fields of the question. Equivalent bodies have the same digest. */
export function fingerprintOf(question: Question): string {
  const { characterId, query, files = [], session, inputs, regenerates, supersedes } = question;
  const { sessionId, conversationId, chatId } = session;
  const asked = [
    characterId,
    query,
    sessionId ?? null,
    conversationId ?? null,
    sorted(inputs),
    regenerates ?? null,
    // Add these only if they are set: saved digests of older questions do not contain them.
    ...(supersedes === undefined ? [] : [supersedes]),
    ...(files.length === 0 ? [] : [sorted(files)]),
    ...(chatId === undefined ? [] : [{ chatId }]),
  ];
  return digestOf(asked);
}

/** Returns the SHA-256 of JSON, in hex. The order of keys has no meaning. */
export function digestOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(value)))
    .digest('hex');
}

/** Sorts the keys of objects, because their order has no meaning. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
