import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import type { Behaviour, Behaviours } from './behaviours';
import { authorise, readEndUser, readFields, type Emulation } from './call';
import { answerConsole, isConsole } from './console/routes';
import { createConnections } from './connections';
import { answerControl, isControl, type Control } from './control';
import { routeUnknown, toErrorAnswer } from './errors';
import { getFile, isFileLink } from './files';
import { recordRequest, type RecordedRequest } from './requests';
import { findRoute, isChatPost } from './routes';
import { sendAnswer } from './wire';

export type ServerSetup = {
  readonly emulation: Emulation;
  readonly behaviours: Behaviours;
  readonly control: Control;
  /** See `DifyEmulatorOptions`. */
  readonly connections: number;
  readonly onRequest: (request: RecordedRequest, isChat: boolean) => void;
  /** Called when a POST /chat-messages begins. Returns a function to call when its response has ended. */
  readonly onChatOpen: () => () => void;
};

export function createServer(setup: ServerSetup): http.Server {
  const enter = createConnections(setup.connections);
  return http.createServer((req, res) => {
    // A client may leave at any time. The code that writes listens for 'close'.
    req.on('error', () => undefined);
    res.on('error', () => undefined);
    res.socket?.setNoDelay(true);
    enter(res, () => void serve(setup, req, res).catch(() => res.destroy()));
  });
}

async function serve(setup: ServerSetup, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { emulation } = setup;
  const url = new URL(req.url ?? '/', 'http://emulator');
  const request = await recordRequest(req);
  if (isControl(url.pathname)) {
    return sendAnswer(res, answerControl(setup.control, request, url.pathname), '1.x');
  }
  const isChat = isChatPost(request.method, url.pathname);
  if (isChat) res.once('close', setup.onChatOpen());
  setup.onRequest(request, isChat);
  const behaviour = isChat ? setup.behaviours.take(request.body) : undefined;
  if (behaviour?.answer) return refuse(behaviour, res, emulation);
  try {
    await dispatch({ emulation, request, res, url, behaviour });
  } catch (error) {
    if (res.headersSent) res.destroy();
    else await sendAnswer(res, toErrorAnswer(error, emulation.profile, url.pathname), emulation.profile);
  }
}

async function refuse(behaviour: Behaviour, res: ServerResponse, { profile }: Emulation): Promise<void> {
  const answer = behaviour.answer?.(profile) ?? 'no answer';
  if (answer === 'no answer') res.socket?.destroySoon();
  else await sendAnswer(res, answer, profile);
}

type Dispatched = {
  readonly emulation: Emulation;
  readonly request: RecordedRequest;
  readonly res: ServerResponse;
  readonly url: URL;
  readonly behaviour: Behaviour | undefined;
};

/** Checks in the order of Dify: the route, the key, the body, the user, then the checks of the route. */
async function dispatch({ emulation, request, res, url, behaviour }: Dispatched): Promise<void> {
  const { state, profile } = emulation;
  if (isConsole(url.pathname)) return answerConsole({ emulation, request, res, url, behaviour });
  if (isFileLink(url.pathname)) return sendAnswer(res, getFile(emulation, url), profile);
  const found = findRoute(request.method, url.pathname);
  if (!found) return sendAnswer(res, routeUnknown, profile);
  const { route, pathId } = found;
  const app = authorise(request, state);
  const fields = readFields(request, url.searchParams, route.takesForm);
  const endUser = readEndUser(state, app, route.user, fields['user']);
  const answer = await route.handle({ emulation, request, res, app, endUser, fields, pathId, behaviour });
  if (answer) await sendAnswer(res, answer, profile);
}
