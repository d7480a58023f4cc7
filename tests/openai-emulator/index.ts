import { once } from 'node:events';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { recordRequest, type RecordedRequest } from '../dify-emulator/requests';
import { createWatch, type Watch } from '../dify-emulator/watch';
import { sendAnswer } from '../dify-emulator/wire';
import { generate } from './faults';
import { createReply, type Script } from './reply';

export { faults } from './faults';
export type { Reply, Script } from './reply';

export interface OpenAiEmulatorOptions {
  readonly apiKey?: string;
  /** The models that it knows. Null: it has no list of models, and takes every name. */
  readonly models?: readonly string[] | null;
}

/** A running emulator. */
export interface OpenAiEmulator {
  /** With `/v1`. */
  readonly url: string;
  readonly apiKey: string;
  /** All received requests, oldest first. */
  readonly requests: readonly RecordedRequest[];
  /** Number of POST /chat/completions responses that are not finished. */
  readonly openStreams: number;
  /** Queues a script for the next POST /chat/completions, e.g. one of `faults`. */
  next(script: Script): void;
  /** Sets the script of every POST /chat/completions without a queued one. */
  always(script: Script): void;
  /** Resolves after the next POST /chat/completions was read. */
  nextRequest(): Promise<RecordedRequest>;
  /** Resolves when `openStreams` is 0. */
  idle(): Promise<void>;
  /** Ends everything immediately. Rejects with the error of a script that has thrown. */
  close(): Promise<void>;
}

interface Emulation {
  readonly apiKey: string;
  readonly models: readonly string[] | null;
  readonly requests: RecordedRequest[];
  readonly failures: unknown[];
  readonly chats: Watch;
  readonly takeScript: () => Script;
}

export async function startOpenAiEmulator(options: OpenAiEmulatorOptions = {}): Promise<OpenAiEmulator> {
  const { apiKey = 'sk-emulated', models = ['emulated-model'] } = options;
  const queue: Script[] = [];
  let standing: Script = generate;
  const takeScript = () => queue.shift() ?? standing;
  const emulation: Emulation = {
    apiKey,
    models,
    requests: [],
    failures: [],
    chats: createWatch(),
    takeScript,
  };
  const sockets = new Set<Socket>();
  const server = http.createServer((req, res) => void serve(emulation, req, res).catch(() => res.destroy()));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { requests, failures, chats } = emulation;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    apiKey,
    requests,
    get openStreams() {
      return chats.count();
    },
    next: (script) => void queue.push(script),
    always: (script) => void (standing = script),
    nextRequest: chats.next,
    idle: chats.idle,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
      if (failures.length > 0) throw failures[0];
    },
  };
}

async function serve(emulation: Emulation, req: IncomingMessage, res: ServerResponse): Promise<void> {
  // A client may leave at any time. The code that writes listens for 'close'.
  for (const part of [req, res]) part.on('error', () => undefined);
  res.socket?.setNoDelay(true);
  const request = await recordRequest(req);
  emulation.requests.push(request);
  const route = `${request.method} ${request.path}`;
  if (route === 'POST /v1/chat/completions') return chat(emulation, request, res);
  const models = emulation.models;
  if (route !== 'GET /v1/models' || models === null)
    return sendAnswer(res, { status: 404, json: { error: { message: 'Unknown request URL.' } } }, '1.x');
  if (!isAuthorised(emulation, request)) return createReply(request, res).refuse(401, wrongKey);
  const data = models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'emulator' }));
  await sendAnswer(res, { status: 200, json: { object: 'list', data } }, '1.x');
}

async function chat(emulation: Emulation, request: RecordedRequest, res: ServerResponse): Promise<void> {
  res.once('close', emulation.chats.open());
  emulation.chats.arrived(request);
  const reply = createReply(request, res);
  if (!isAuthorised(emulation, request)) return reply.refuse(401, wrongKey);
  const { model, messages } = reply.body;
  if (emulation.models?.includes(String(model)) === false)
    return reply.refuse(404, { message: 'The model does not exist.', code: 'model_not_found' });
  if (!Array.isArray(messages) || messages.length === 0)
    return reply.refuse(400, { message: "Missing required parameter: 'messages'.", param: 'messages' });
  try {
    await emulation.takeScript()(reply);
  } catch (error) {
    // So that the mistake of a script does not look like that of a server. `close` reports it.
    emulation.failures.push(error);
    await reply.wire.reset();
  }
}

const wrongKey = { message: 'Incorrect API key provided.', code: 'invalid_api_key' };

function isAuthorised({ apiKey }: Emulation, { headers }: RecordedRequest): boolean {
  return headers.authorization === `Bearer ${apiKey}`;
}
