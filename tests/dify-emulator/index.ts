import { once, setMaxListeners } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { defaultApps, toApp, type AppSpec } from './apps';
import { createBehaviours, toBehaviour, type Script } from './behaviours';
import type { Emulation } from './call';
import { createAccount, defaultAccount, type AccountSpec } from './console/account';
import type { Fault } from './faults';
import type { Profile } from './frames';
import type { RecordedRequest } from './requests';
import { createServer } from './server';
import { createState, messagesOf, type Conversation, type Message } from './state';
import { createWatch, type Watch } from './watch';

export type { AppMode, AppSpec, FormField, Moderation } from './apps';
export type { Script } from './behaviours';
export { faultNames, faults, type Fault, type FaultName } from './faults';
export type { EventFields, Profile } from './frames';
export type { AnswerFile, Reply } from './reply';
export type { RecordedRequest } from './requests';
export type { Conversation, Message } from './state';
export type { Usage } from './usage';
export type { HttpAnswer } from './wire';

export type DifyEmulatorOptions = {
  /** Default '1.x'. */
  readonly profile?: Profile;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Default '127.0.0.1'. */
  readonly host?: string;
  /** Default: one app per mode, see `defaultApps`. The first one is the default app. */
  readonly apps?: readonly AppSpec[];
  /** Pause between deltas. Default 0: as fast as possible. */
  readonly tokenIntervalMs?: number;
  /** Default 10 000, as in Dify. */
  readonly pingEveryMs?: number;
  /** Time from an effective stop call to the end of the reply. Default 50; Dify needs up to 1000. */
  readonly stopDelayMs?: number;
  /** Time from `message_end` to the name of a new conversation. 0.15 keeps the socket until then. Default 100. */
  readonly titleDelayMs?: number;
  /** Requests that are answered at the same time. Further ones wait. Default: no bound. A new Dify has 10. */
  readonly connections?: number;
  /** Replies continue and are saved after the client has left. Default false: only the newest Dify does so. */
  readonly detached?: boolean;
  /** The account that can log in to the console. Default: see `defaultAccount`. */
  readonly account?: AccountSpec;
};

/** A running emulator. */
export interface DifyEmulator {
  /** Without `/v1`. */
  readonly url: string;
  /** The key of the default app. */
  readonly apiKey: string;
  readonly apps: readonly Required<AppSpec>[];
  /** The account that can log in to the console. */
  readonly account: AccountSpec & { readonly refusedLogins: number };
  /** All received API requests, oldest first. */
  readonly requests: RecordedRequest[];
  /** Number of POST /chat-messages responses that are not finished. */
  readonly openStreams: number;
  /** Number of open sockets. */
  readonly connections: number;

  /** Queues a fault for the next POST /chat-messages. Each request takes one, even a refused request. */
  next(fault: Fault): void;
  /** Sets a fault or a script for every POST /chat-messages without a queued one. */
  always(behaviour: Fault | Script): void;
  /** Queues a script for the next POST /chat-messages. The reply stays open if the script returns without ending it. */
  script(play: Script): void;
  /** Removes the faults and scripts of `next`, `always` and `script`. */
  reset(): void;
  /** Resolves after the next POST /chat-messages was read. */
  nextRequest(): Promise<RecordedRequest>;
  /** Resolves when `openStreams` is 0. */
  idle(): Promise<void>;

  /** Makes the access tokens of the console invalid, and with `all` the refresh tokens, too. */
  expireLogins(which?: 'access' | 'all'): void;

  /** Returns all conversations, including deleted ones. */
  conversations(appKey?: string): readonly Conversation[];
  /** Returns the messages, oldest first. */
  messages(conversationId: string): readonly Message[];

  /** Ends everything immediately, including open replies. Rejects with the error of a script that has thrown. */
  close(): Promise<void>;
}

export function createDifyEmulator(options: DifyEmulatorOptions = {}): { listen(): Promise<DifyEmulator> } {
  return { listen: () => listen(options) };
}

async function listen(options: DifyEmulatorOptions): Promise<DifyEmulator> {
  const { port = 0, host = '127.0.0.1' } = options;
  const apps = (options.apps ?? defaultApps).map(toApp);
  const shutdown = new AbortController();
  // Every open reply adds a listener.
  setMaxListeners(Infinity, shutdown.signal);
  const emulation = createEmulation(options, createState(apps), shutdown.signal);
  const behaviours = createBehaviours();
  const requests: RecordedRequest[] = [];
  const chats = createWatch();
  const server = createServer({
    emulation,
    behaviours,
    control: { behaviours, requests },
    connections: options.connections ?? Infinity,
    onRequest: (request, isChat) => {
      requests.push(request);
      if (isChat) chats.arrived(request);
    },
    onChatOpen: chats.open,
  });
  const sockets = trackSockets(server);
  server.listen(port, host);
  await once(server, 'listening');
  return createHandle({ emulation, behaviours, requests, chats, sockets, server, shutdown, apps, host });
}

function createEmulation(
  options: DifyEmulatorOptions,
  state: Emulation['state'],
  shutdown: AbortSignal,
): Emulation {
  const { profile = '1.x', tokenIntervalMs = 0, pingEveryMs = 10_000 } = options;
  const { stopDelayMs = 50, titleDelayMs = 100, detached = false } = options;
  const account = createAccount(options.account ?? defaultAccount);
  return {
    profile,
    state,
    account,
    tokenIntervalMs,
    pingEveryMs,
    stopDelayMs,
    titleDelayMs,
    detached,
    shutdown,
  };
}

type Running = {
  readonly emulation: Emulation;
  readonly behaviours: ReturnType<typeof createBehaviours>;
  readonly requests: RecordedRequest[];
  readonly chats: Watch;
  readonly sockets: ReadonlySet<Socket>;
  readonly server: Server;
  readonly shutdown: AbortController;
  readonly apps: DifyEmulator['apps'];
  readonly host: string;
};

function createHandle(running: Running): DifyEmulator {
  const { emulation, behaviours, requests, chats, sockets, server, apps, host } = running;
  const { state } = emulation;
  const failures: Error[] = [];
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    apiKey: apps[0]?.key ?? '',
    apps,
    account: emulation.account,
    requests,
    get openStreams() {
      return chats.count();
    },
    get connections() {
      return sockets.size;
    },
    next: (fault) => behaviours.add(toBehaviour(fault)),
    always: (behaviour) =>
      behaviours.keep(
        typeof behaviour === 'function' ? { play: orFail(behaviour, failures) } : toBehaviour(behaviour),
      ),
    script: (play) => behaviours.add({ play: orFail(play, failures) }),
    reset: () => behaviours.clear(),
    nextRequest: () => chats.next(),
    idle: () => chats.idle(),
    expireLogins: (which) => {
      emulation.account.accessTokens.clear();
      if (which === 'all') emulation.account.refreshTokens.clear();
    },
    conversations: (appKey) =>
      [...state.conversations.values()].filter((one) => appKey === undefined || one.appKey === appKey),
    messages: (conversationId) => messagesOf(state, conversationId),
    close: () => close(running, failures),
  };
}

/** Resets the connection when a script throws, so that its mistake does not look like Dify's. `close` reports it. */
function orFail(play: Script, failures: Error[]): Script {
  return async (reply) => {
    try {
      await play(reply);
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error(String(error)));
      await reply.reset();
    }
  };
}

async function close({ server, sockets, shutdown }: Running, failures: Error[]): Promise<void> {
  shutdown.abort();
  const closed = server.listening ? once(server, 'close') : undefined;
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
  const [first] = failures.splice(0);
  if (first) throw first;
}

function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  return sockets;
}
