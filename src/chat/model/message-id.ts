import { randomBytes } from 'node:crypto';

const prefix = 'msg_';

/** Sortable enough to be read by a person, random enough to be unique: `msg_1735689600000_9f86d081884c7d65`. */
export function newMessageId(): string {
  return `${prefix}${Date.now()}_${randomBytes(8).toString('hex')}`;
}

/** Whether Dify has named this message. Until it does, and for questions always, the id is ours. */
export function isDifysMessageId(messageId: string): boolean {
  return !messageId.startsWith(prefix);
}
