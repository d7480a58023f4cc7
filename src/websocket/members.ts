import type { Core } from '@strapi/strapi';

import { describeError, type ChatError, type SessionConnection, type SessionEntry } from '../chat';
import { chatOf } from '../app';
import type { Login } from '../strapi/logins/login-watch';
import { loginsOf } from '../strapi/logins/logins';
import { findSessionHolders } from '../database/sessions/holders';
import type { SocketClient } from './client';
import { closeCodes } from './close';
import type { SocketLogin } from './login';

/** The login and the session by which a client enters. */
export interface Entrance extends SocketLogin {
  readonly session: SessionEntry;
}

/** The clients that have entered a session. */
export interface Members {
  /** Adds a client. @returns the function that receives its frames from now on. */
  join(client: SocketClient, entrance: Entrance): (frame: string) => void;
  /**
   * Closes the connections to sessions that were deleted or now belong to another user, also by another process.
   * If the database is unreachable, it closes nothing, and the next round checks again. Never rejects.
   */
  dismissFormer(): Promise<void>;
  /** Settles when each client's outlet has all pending events. */
  idle(): Promise<void>;
}

interface Member {
  readonly client: SocketClient;
  readonly ownerId: number;
  readonly sessionId: string;
  readonly connection: SessionConnection;
}

export function createMembers(strapi: Core.Strapi, toClientError: (error: unknown) => ChatError): Members {
  const chat = chatOf(strapi);
  const { isStillGood, watch } = loginsOf(strapi);
  const members = new Set<Member>();
  let isChecking = false;
  return { join, dismissFormer, idle };

  function join(client: SocketClient, { owner, login, scopes, session }: Entrance): (frame: string) => void {
    const { outlet, gone } = client;
    if (gone.aborted) return () => undefined;
    const { sessionId } = session;
    const connection = chat.connect({ owner, scopes, session, outlet, signal: gone, toClientError });
    const member = { client, ownerId: owner.id, sessionId, connection };
    members.add(member);
    // Subscribe after the connection does, so that the client gets the deletion event before the close.
    const unsubscribe = chat.sessionEvents.subscribe(sessionId, ({ event }) => {
      if (event === 'session_deleted') client.close(closeCodes.sessionGone, 'session-not-found');
    });
    const unwatch = watch.add(login, () => {
      client.close(closeCodes.unauthorized, 'unauthorized');
    });
    gone.addEventListener('abort', () => {
      unsubscribe();
      unwatch();
      members.delete(member);
    });
    return receiveWhileGood(client, login, connection);
  }

  /**
   * Passes on frames one by one, in their order, while the login is valid.
   * If the check fails, the frame is passed on: its request then notices that the database is unreachable.
   */
  function receiveWhileGood(client: SocketClient, { sessionId }: Login, connection: SessionConnection) {
    let before = Promise.resolve();
    return (frame: string) => {
      before = before.then(async () => {
        const isGood = await isStillGood(sessionId).catch(() => true);
        if (isGood) void connection.receive(frame);
        else client.close(closeCodes.unauthorized, 'unauthorized');
      });
    };
  }

  async function dismissFormer(): Promise<void> {
    const known = [...members];
    if (known.length === 0 || isChecking) return;
    isChecking = true;
    try {
      const sessionIds = new Set(known.map(({ sessionId }) => sessionId));
      const holders = await findSessionHolders(strapi.db, [...sessionIds]);
      const bySession = new Map(holders.map((holder) => [holder.sessionId, holder]));
      for (const { client, ownerId, sessionId } of known) {
        const holder = bySession.get(sessionId);
        if (holder === undefined || holder.isDeleted) {
          client.close(closeCodes.sessionGone, 'session-not-found');
        } else if (holder.userId !== ownerId) {
          client.close(closeCodes.unauthorized, 'unauthorized');
        }
      }
    } catch (error) {
      strapi.log.warn(`Sessions of connected users could not be checked: ${describeError(error)}`);
    } finally {
      isChecking = false;
    }
  }

  async function idle(): Promise<void> {
    await Promise.all([...members].map(({ connection }) => connection.idle()));
  }
}
