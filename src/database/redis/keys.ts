import { createHash } from 'node:crypto';

/**
 * The version of everything that nodes say to each other. Raise it when a message or a value changes its form. Nodes of
 * two versions then do not see each other, and each goes on alone.
 */
const version = 1;

/** Returns a name in Redis. All names of one installation begin with the same prefix. */
export type Key = (...parts: readonly string[]) => string;

/** @param secret a secret of the installation. Two installations can share one Redis, because their keys differ. */
export function createKeys(secret: string): Key {
  const installation = createHash('sha256').update(`redis keys of ${secret}`).digest('hex').slice(0, 12);
  return (...parts) => ['character-chat', version, installation, ...parts].join(':');
}
