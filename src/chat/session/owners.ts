import { ChatError } from '../errors';
import type { MessageReference } from '../model/message';
import type { Owner } from '../model/owner';
import type { OwnerSource } from '../ports/users/user-source';

/**
 * Finds the owner for whom other code of this server acts. Where that code names a user, the owner is that user. The
 * chat then refuses sessions and messages of other users as it does for a request over HTTP.
 */
export interface Owners {
  /** @throws ChatError `invalid-request` if no user has this id. */
  find(userId: string): Promise<Owner>;
  /** @throws ChatError `session-not-found` */
  ofSession(sessionId: string, userId: string | undefined): Promise<Owner>;
  /** @throws ChatError `message-not-found` */
  ofMessage(reference: MessageReference, userId: string | undefined): Promise<Owner>;
}

export function createOwners(source: OwnerSource): Owners {
  return {
    async find(userId) {
      const owner = await source.find(userId);
      if (owner !== null) return owner;
      throw new ChatError('invalid-request', { sentence: 'user_id must be the id of a user.' });
    },
    async ofSession(sessionId, userId) {
      const owner = await (userId === undefined ? source.findOfSession(sessionId) : source.find(userId));
      if (owner === null) throw new ChatError('session-not-found');
      return owner;
    },
    async ofMessage(reference, userId) {
      const owner = await (userId === undefined ? source.findOfMessage(reference) : source.find(userId));
      if (owner === null) throw new ChatError('message-not-found');
      return owner;
    },
  };
}
