import type { OutgoingHttpHeaders } from 'node:http';
import type { Profile } from './frames';
import type { HttpAnswer } from './wire';

/** An error that Dify sends as a JSON envelope instead of a stream. */
export class DifyError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** The wrong field. Only the 0.15 profile names it, and then omits `status`. */
    readonly field?: string,
    /** The methods of the route, if the request has another one. */
    readonly allow?: string,
  ) {
    super(message);
  }
}

export const invalidParam = (message: string, field?: string): DifyError =>
  new DifyError(400, 'invalid_param', message, field);

export const methodNotAllowed = (methods: readonly string[]): DifyError => {
  const message = 'The method is not allowed for the requested URL.';
  return new DifyError(405, 'method_not_allowed', message, undefined, [...methods, 'OPTIONS'].join(', '));
};

export const notFound = (message: string): DifyError => new DifyError(404, 'not_found', message);

export const unauthorized = (message: string): DifyError => new DifyError(401, 'unauthorized', message);

/** Converts an error to a response. An unexpected error becomes the response that Dify sends for its own bugs. */
export function toErrorAnswer(error: unknown, profile: Profile, pathname: string): HttpAnswer {
  if (!(error instanceof DifyError)) return crash(profile);
  const { status, code, field } = error;
  const message =
    profile === '1.x' && status === 404 ? withSimilarRoutes(error.message, pathname) : error.message;
  return {
    status,
    headers: headersOf(error, profile),
    json: field === undefined ? { code, message, status } : { code, message, params: field },
  };
}

/** Only 1.x asks for a key by a header, and only 0.15 lists the allowed methods. */
function headersOf({ status, allow }: DifyError, profile: Profile): OutgoingHttpHeaders {
  if (profile === '1.x') return status === 401 ? { 'WWW-Authenticate': 'Bearer realm="api"' } : {};
  return allow === undefined ? {} : { Allow: allow };
}

/** The web framework of 1.x adds routes of a similar name to a 404. */
function withSimilarRoutes(message: string, pathname: string): string {
  const similar: Record<string, string> = {
    '/v1/chat-messages': '/v1/chat-messages or /api/chat-messages or /v1/chat-messages/<string:task_id>/stop',
    '/v1/messages': '/v1/messages or /v1/chat-messages or /api/messages',
  };
  const routes = similar[pathname] ?? similarInConsole(pathname);
  if (routes === undefined) return message;
  const sentence = message.endsWith('.') ? message : `${message}.`;
  return `${sentence} You have requested this URI [${pathname}] but did you mean ${routes} ?`;
}

function similarInConsole(pathname: string): string | undefined {
  return /^\/console\/api\/apps\/[^/]+\/chat-messages$/u.test(pathname)
    ? '/console/api/apps/<uuid:app_id>/chat-messages or /console/api/trial-apps/<uuid:app_id>/chat-messages'
    : undefined;
}

function crash(profile: Profile): HttpAnswer {
  const json = { message: 'Internal Server Error', code: 'unknown' };
  return { status: 500, json: profile === '0.15' ? json : { ...json, status: 500 } };
}

/** The web framework answers an unknown route itself. */
export const routeUnknown: HttpAnswer = {
  status: 404,
  headers: { 'Content-Type': 'text/html; charset=utf-8' },
  body:
    '<!doctype html>\n<html lang=en>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n' +
    '<p>The requested URL was not found on the server. ' +
    'If you entered the URL manually please check your spelling and try again.</p>\n',
};

/** Errors that Dify may send for POST /chat-messages instead of a stream, by code. */
export const eagerErrors = {
  unauthorized: { status: 401, message: 'Access token is invalid' },
  forbidden: { status: 403, message: "The app's API service has been disabled." },
  not_found: { status: 404, message: 'Conversation Not Exists.' },
  not_chat_app: { status: 400, message: 'Please check if your app mode matches the right API route.' },
  app_unavailable: { status: 400, message: 'App unavailable, please check your app configurations.' },
  conversation_completed: {
    status: 400,
    message: 'The conversation has ended. Please start a new conversation.',
  },
  provider_not_initialize: {
    status: 400,
    message:
      'No valid model provider credentials found. ' +
      'Please go to Settings -> Model Provider to complete your provider credentials.',
  },
  provider_quota_exceeded: {
    status: 400,
    message:
      'Your quota for Dify Hosted OpenAI has been exhausted. ' +
      'Please go to Settings -> Model Provider to complete your own provider credentials.',
  },
  model_currently_not_support: {
    status: 400,
    message: 'Dify Hosted OpenAI trial currently not support the GPT-4 model.',
  },
  completion_request_error: { status: 400, message: 'Completion request failed.' },
  invalid_param: { status: 400, message: 'Workflow not published' },
  bad_request: {
    status: 400,
    message: 'The browser (or proxy) sent a request that this server could not understand.',
  },
  agent_not_published: { status: 400, message: 'Agent not published' },
  unsupported_media_type: {
    status: 415,
    message: "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.",
  },
  too_many_requests: {
    status: 429,
    message:
      'Too many requests. Please try again later. ' + 'The current maximum concurrent requests allowed is 1.',
  },
  rate_limit_error: { status: 429, message: 'Rate Limit Error' },
  internal_server_error: {
    status: 500,
    message:
      'The server encountered an internal error and was unable to complete your request. ' +
      'Either the server is overloaded or there is an error in the application.',
  },
} as const;

export type EagerCode = keyof typeof eagerErrors;

/** Errors that an `error` frame may contain after the stream has begun, by code. */
export const streamErrors = {
  invalid_param: { status: 400, message: 'Run failed: Node LLM run failed' },
  provider_not_initialize: { status: 400, message: 'Model gpt-4o credentials is not initialized.' },
  provider_quota_exceeded: {
    status: 400,
    message:
      'Your quota for Dify Hosted Model Provider has been exhausted. ' +
      'Please go to Settings -> Model Provider to complete your own provider credentials.',
  },
  model_currently_not_support: {
    status: 400,
    message: 'Dify Hosted OpenAI trial currently not support the GPT-4 model.',
  },
  completion_request_error: {
    status: 400,
    message: '[openai] Rate Limit Error, Error code: 429 - Rate limit reached for requests',
  },
  internal_server_error: { status: 500, message: 'Internal Server Error, please contact support.' },
} as const;

export type StreamErrorCode = keyof typeof streamErrors;
