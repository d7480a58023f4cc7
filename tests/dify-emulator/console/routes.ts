import type { ServerResponse } from 'node:http';
import type { Behaviour } from '../behaviours';
import { readFields, type Call, type Emulation } from '../call';
import { postStop } from '../chat-messages';
import { routeUnknown } from '../errors';
import { postFile } from '../files';
import { isJsonRequest, isRecord, type RecordedRequest } from '../requests';
import { sendAnswer, type HttpAnswer } from '../wire';
import { ownerOf, postLogin, postRefresh, requireLogin } from './account';
import { getConsoleApp } from './app';
import { appNotFound, modelsOf, postConsoleMessage } from './chat-messages';
import {
  deleteConsoleConversation,
  getConsoleMessages,
  getConsoleSuggested,
  postConsoleFeedback,
} from './messages';

type Route = {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** The first group is the id of the app. A second one is another id. */
  readonly path: RegExp;
  readonly handle: (call: Call) => HttpAnswer | Promise<void>;
};

const at = (path: string): RegExp => new RegExp(`^/console/api/apps/([\\w-]{36})${path}$`, 'u');

const routes: readonly Route[] = [
  { method: 'GET', path: at(''), handle: getConsoleApp },
  { method: 'POST', path: at('/chat-messages'), handle: postConsoleMessage },
  { method: 'GET', path: at('/chat-messages'), handle: getConsoleMessages },
  { method: 'POST', path: at('/chat-messages/([^/]+)/stop'), handle: postStop },
  { method: 'GET', path: at('/chat-messages/([^/]+)/suggested-questions'), handle: getConsoleSuggested },
  { method: 'POST', path: at('/feedbacks'), handle: postConsoleFeedback },
  { method: 'DELETE', path: at('/chat-conversations/([^/]+)'), handle: deleteConsoleConversation },
];

export const isConsole = (pathname: string): boolean => pathname.startsWith('/console/api/');

export const isConsoleChatPost = (method: string, pathname: string): boolean =>
  method === 'POST' && at('/chat-messages').test(pathname);

export type ConsoleRequest = {
  readonly emulation: Emulation;
  readonly request: RecordedRequest;
  readonly res: ServerResponse;
  readonly url: URL;
  readonly behaviour: Behaviour | undefined;
};

/** Answers one call of the console. Checks the login before the route, which is enough for the known routes. */
export async function answerConsole(asked: ConsoleRequest): Promise<void> {
  const { emulation, request, res, url, behaviour } = asked;
  const answer = logIn(asked) ?? (await callRoute());
  if (answer) await sendAnswer(res, answer, emulation.profile);

  async function callRoute(): Promise<HttpAnswer | void> {
    requireLogin(emulation, request);
    if (isUpload(request, url)) return upload(asked);
    if (url.pathname === '/console/api/workspaces/current/models/model-types/llm')
      return { status: 200, json: { data: modelsOf(emulation.profile) } };
    const route = routes.find(({ method, path }) => method === request.method && path.test(url.pathname));
    if (!route) return routeUnknown;
    const [, appId, pathId = ''] = route.path.exec(url.pathname) ?? [];
    const app = [...emulation.state.apps.values()].find(({ id }) => id === appId);
    if (!app) throw appNotFound('App not found.');
    const endUser = ownerOf(emulation.account, app);
    const fields = request.method === 'DELETE' ? {} : readFields(request, url.searchParams);
    return route.handle({ emulation, request, res, app, endUser, fields, pathId, behaviour });
  }
}

const isUpload = ({ method }: RecordedRequest, { pathname }: URL): boolean =>
  method === 'POST' && pathname === '/console/api/files/upload';

/** The address of an upload names no app: all apps of the account can use the file. */
function upload({ emulation, request, res, url, behaviour }: ConsoleRequest): HttpAnswer {
  const [app] = emulation.state.apps.values();
  if (!app) throw appNotFound('App not found.');
  const endUser = ownerOf(emulation.account, app);
  const fields = readFields(request, url.searchParams, true);
  return postFile({ emulation, request, res, app, endUser, fields, pathId: '', behaviour });
}

function logIn({ emulation, request, url }: ConsoleRequest): HttpAnswer | undefined {
  const fields = isJsonRequest(request) && isRecord(request.body) ? { ...request.body } : {};
  switch (`${request.method} ${url.pathname}`) {
    case 'POST /console/api/login':
      return postLogin(emulation, fields);
    case 'POST /console/api/refresh-token':
      return postRefresh(emulation, request, fields);
    default:
      return undefined;
  }
}
