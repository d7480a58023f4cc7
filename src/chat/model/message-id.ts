import { randomBytes } from 'node:crypto';

const prefix = 'msg_';

/** Returns a unique id with the time in milliseconds and a random part: `msg_1735689600000_9f86d081884c7d65`. */
export function newMessageId(): string {
  return `${prefix}${Date.now()}_${randomBytes(8).toString('hex')}`;
}

/**
 * Returns whether the id comes from the upstream. Questions never have one, and answers have one once the upstream
 * names them.
 */
export function isDifysMessageId(messageId: string): boolean {
  return !messageId.startsWith(prefix);
}
