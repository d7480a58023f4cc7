import type { ServerResponse } from 'node:http';
import type { App } from './apps';
import type { Behaviour } from './behaviours';
import type { Account } from './console/account';
import { DifyError, eagerErrors, invalidParam, notFound, unauthorized } from './errors';
import type { Profile } from './frames';
import { isFormRequest, isJsonRequest, isRecord, type RecordedRequest } from './requests';
import { endUserOf, findConversation, type Conversation, type EndUser, type State } from './state';

/** The state and the options that all calls of one emulator share. */
export type Emulation = {
  readonly profile: Profile;
  readonly state: State;
  readonly account: Account;
  readonly tokenIntervalMs: number;
  readonly pingEveryMs: number;
  readonly stopDelayMs: number;
  readonly titleDelayMs: number;
  readonly detached: boolean;
  readonly shutdown: AbortSignal;
};

/** One authorized API call. `fields` is the JSON body, the form of an upload, or the query string of a GET. */
export type Call = {
  readonly emulation: Emulation;
  readonly request: RecordedRequest;
  readonly res: ServerResponse;
  readonly app: App;
  readonly endUser: EndUser;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The id in the path. */
  readonly pathId: string;
  /** Only set for POST /chat-messages. */
  readonly behaviour: Behaviour | undefined;
};

/** Whether a route requires the parameter `user`, defaults to a shared user, or ignores the parameter. */
export type UserRule = 'required' | 'optional' | 'none';

/** Returns the app of the API key. Checks the scheme, the key and the API switch of the app, in this order. */
export function authorise(request: RecordedRequest, state: State): App {
  const header = request.headers.authorization;
  const [scheme = '', key] = header?.split(/ +/u, 2) ?? [];
  if (key === undefined) throw unauthorized("Authorization header must be provided and start with 'Bearer'");
  if (scheme.toLowerCase() !== 'bearer') throw unauthorized("Authorization scheme must be 'Bearer'");
  const app = state.apps.get(key);
  if (!app) throw unauthorized(eagerErrors.unauthorized.message);
  if (!app.apiEnabled) throw new DifyError(403, 'forbidden', eagerErrors.forbidden.message);
  return app;
}

/** @param takesForm whether the body is a form instead of JSON. Without one, no field is set. */
export function readFields(
  request: RecordedRequest,
  query: URLSearchParams,
  takesForm = false,
): Call['fields'] {
  if (request.method === 'GET') return Object.fromEntries(query);
  if (takesForm) return isFormRequest(request) && isRecord(request.body) ? request.body : {};
  if (!isJsonRequest(request)) {
    throw new DifyError(415, 'unsupported_media_type', eagerErrors.unsupported_media_type.message);
  }
  if (isRecord(request.body)) return request.body;
  if (typeof request.body !== 'string') throw new TypeError('The JSON body is not an object');
  throw new DifyError(400, 'bad_request', eagerErrors.bad_request.message);
}

export function readEndUser(state: State, app: App, rule: UserRule, user: unknown): EndUser {
  const given = user ?? '';
  const name = typeof given === 'string' ? given : JSON.stringify(given);
  if (name === '' && rule === 'required') throw invalidParam('Arg user must be provided.');
  if (name.length > 255) throw new TypeError('The name is longer than its column');
  return endUserOf(state, app, name === '' ? 'DEFAULT-USER' : name);
}

export function requireChatApp(app: App): void {
  if (app.mode === 'completion' || app.mode === 'workflow') {
    throw new DifyError(400, 'not_chat_app', eagerErrors.not_chat_app.message);
  }
}

export function requireConversation(
  { emulation, endUser }: Pick<Call, 'emulation' | 'endUser'>,
  id: string,
): Conversation {
  const conversation = findConversation(emulation.state, endUser, id);
  if (!conversation) throw notFound('Conversation Not Exists.');
  return conversation;
}
