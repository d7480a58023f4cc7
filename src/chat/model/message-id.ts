import { randomBytes } from 'node:crypto';

/** Begins the ids of messages that this server makes. */
export const ownIdPrefix = 'msg_';

/** Returns a unique id with the time in milliseconds and a random part: `msg_1735689600000_9f86d081884c7d65`. */
export function newMessageId(): string {
  return `${ownIdPrefix}${Date.now()}_${randomBytes(8).toString('hex')}`;
}

/**
 * Returns whether the id comes from the upstream. Questions never have one, and answers have one once the upstream
 * names them.
 */
export function isUpstreamMessageId(messageId: string): boolean {
  return !messageId.startsWith(ownIdPrefix);
}
