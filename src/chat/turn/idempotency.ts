import { createHash } from 'node:crypto';

import type { Question } from '../model/question';

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
