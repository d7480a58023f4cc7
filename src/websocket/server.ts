import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

import type { Core } from '@strapi/strapi';
import { WebSocketServer, type WebSocket } from 'ws';

import { ChatError } from '../chat';
import { chatOf, sharedPlacesOf } from '../app';
import { createSocketClient, type SocketClient } from './client';
import { closeCodes } from './close';
import { createToClientError } from './to-client-error';
import { receiveLogin } from './login-frame';
import { logIn } from './login';
import { createMembers, type Entrance } from './members';
import { createConnectionLimits, type Place } from './connection-limits';
import { handBack, parseUpgrade, refuse, tokenProtocol, type UpgradeRequest } from './upgrade';

/** How often the server checks the sessions of connected users. It finds a deletion within five seconds. */
const checkEveryMs = 3_000;

/** When the process ends, clients get this time to read the last events, and again to answer the close frame. */
const farewellMs = 1_000;

export interface SocketServer {
  /** Sends each client its pending events, then closes all connections. Call it after turns have ended. */
  close(): Promise<void>;
}

/**
 * Opens `/ws/:session_id` on Strapi's own HTTP server.
 * It only opens, checks and closes connections. The chat core handles their frames.
 */
export function openSocketServer(strapi: Core.Strapi): SocketServer {
  const chat = chatOf(strapi);
  const settings = chat.settings.sockets;
  const http = strapi.server.httpServer;
  const toClientError = createToClientError(strapi);
  const takePlace = createConnectionLimits(settings, sharedPlacesOf(strapi));
  const clients = new Set<SocketClient>();
  const members = createMembers(strapi, toClientError);
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    // The client code answers pings itself, so that they count like other frames.
    autoPong: false,
    maxPayload: settings.maxMessageBytes,
    handleProtocols: (protocols) => protocols.has(tokenProtocol) && tokenProtocol,
  });
  const timers = [
    setInterval(() => clients.forEach((client) => client.beat()), settings.heartbeatEveryMs),
    setInterval(() => void members.dismissFormer(), checkEveryMs),
  ];
  http.on('upgrade', onUpgrade);
  return { close };

  function onUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const upgrade = parseUpgrade(request);
    if (upgrade !== null) {
      // No other code listens for errors until the library takes the socket over.
      socket.on('error', () => socket.destroy());
      const accept = (then: (client: SocketClient) => void) =>
        sockets.handleUpgrade(request, socket, head, (ws) => then(welcome(ws, socket)));
      admit(upgrade, socket, accept).catch((error: unknown) => refuse(socket, toClientError(error)));
    } else if (http.listenerCount('upgrade') === 1) {
      handBack(http, request, socket, head);
    }
  }

  async function admit(
    { origin, sessionId, token }: UpgradeRequest,
    socket: Duplex,
    accept: (then: (client: SocketClient) => void) => void,
  ): Promise<void> {
    if (chat.turns.refusesTurns()) throw new ChatError('server-stopping');
    if (!isAllowed(origin, settings.origins)) {
      throw new ChatError('forbidden', { sentence: 'Pages of this origin may not connect.' });
    }
    const place = takePlace({ isAnonymous: token === undefined });
    socket.once('close', place.release);
    if (token === undefined) {
      accept((client) => {
        const login = async (given: string) => members.join(client, await enter(given, sessionId, place));
        receiveLogin(client, login, toClientError);
      });
    } else {
      const entrance = await enter(token, sessionId, place);
      accept((client) => client.receiveWith(members.join(client, entrance)));
    }
  }

  async function enter(token: string, sessionId: string, place: Place): Promise<Entrance> {
    const entrant = await logIn(strapi, token);
    await place.claimFor(entrant.owner.id);
    return { ...entrant, session: await chat.sessions.find(entrant.owner, sessionId) };
  }

  function welcome(ws: WebSocket, stream: Duplex): SocketClient {
    const stalledAfterMs = chat.settings.stalledReaderMs;
    const onDropped = (reason: string) => strapi.log.info(`WebSocket: ${reason}.`);
    const client = createSocketClient({ socket: ws, stream, settings, stalledAfterMs, onDropped });
    clients.add(client);
    client.gone.addEventListener('abort', () => clients.delete(client), { once: true });
    return client;
  }

  async function close(): Promise<void> {
    await within(farewellMs, [members.idle()]);
    const leaving = [...clients];
    for (const client of leaving) client.close(closeCodes.goingAway, 'server-stopping');
    await within(
      farewellMs,
      leaving.map(({ gone }) => fired(gone)),
    );
    for (const client of clients) client.terminate();
    timers.forEach((timer) => clearInterval(timer));
    http.off('upgrade', onUpgrade);
  }
}

/** Returns whether an origin may connect. Apps send no origin. Browsers always send it, and pages cannot change it. */
function isAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  return origin === undefined || allowed.includes('*') || allowed.includes(origin);
}

/** Waits for all of these promises, at most `ms` milliseconds. */
async function within(ms: number, all: readonly Promise<unknown>[]): Promise<void> {
  const signal = AbortSignal.timeout(ms);
  await Promise.race([Promise.all(all), fired(signal)]);
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
