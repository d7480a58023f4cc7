import { eagerErrors, type EagerCode } from '../errors';
import { answers } from './fault';

const html = { 'Content-Type': 'text/html' };

/** Replies that are not a stream. */
export const refusals = {
  refuse: answers(
    'a JSON error before the stream; `code` is any code Dify documents',
    { code: 'provider_quota_exceeded', status: 0, message: '' },
    ({ code, status, message }) => {
      const usual = code in eagerErrors ? eagerErrors[code as EagerCode] : { status: 400, message: code };
      const json = { code, message: message || usual.message, status: status || usual.status };
      return { status: json.status, json };
    },
  ),
  'too-many-requests': answers(
    'the concurrency limit: 429 `too_many_requests`, or with `status=400` an `invalid_param`',
    { status: 429 },
    ({ status }) => {
      const { message } = eagerErrors.too_many_requests;
      return {
        status,
        json: { code: status === 400 ? 'invalid_param' : 'too_many_requests', message, status },
      };
    },
  ),
  'rate-limited': answers('the plan quota: 429 `rate_limit_error`', {}, () => ({
    status: 429,
    json: { code: 'rate_limit_error', ...eagerErrors.rate_limit_error },
  })),
  'conversation-gone': answers('404, with a sentence of the web framework after the message', {}, () => {
    const message =
      'Conversation Not Exists. You have requested this URI [/v1/chat-messages] ' +
      'but did you mean /v1/chat-messages or /v1/chat-messages/<string:task_id>/stop ?';
    return { status: 404, json: { code: 'not_found', message, status: 404 } };
  }),
  'gateway-html': answers(
    'an HTML error page; `status` 502, 503, 504, 524…',
    { status: 502 },
    ({ status }) => ({
      status,
      headers: html,
      body: page(`${status} ${gatewayReasons[status] ?? 'Error'}`),
    }),
  ),
  'html-page': answers('200 with an HTML page, as from a login proxy', {}, () => ({
    status: 200,
    headers: html,
    body: page('Sign in'),
  })),
  'plain-500': answers('500 in plain text', {}, () => ({
    status: 500,
    headers: { 'Content-Type': 'text/plain' },
    body: 'Internal Server Error',
  })),
  'json-500': answers('500 JSON without `status`, as 0.15 reports its own bugs', {}, () => ({
    status: 500,
    json: { message: 'Internal Server Error', code: 'unknown' },
  })),
  'no-content': answers('204 with no body', {}, () => ({ status: 204 })),
  redirect: answers('302 to `location`', { location: '/signin' }, ({ location }) => ({
    status: 302,
    headers: { Location: location, ...html },
    body: page('Redirecting...'),
  })),
  'no-answer': answers('the socket is closed without a reply', {}, () => 'no answer' as const),
};

const gatewayReasons: Record<number, string> = {
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  524: 'A timeout occurred',
};

function page(title: string): string {
  const head = `<head><title>${title}</title></head>`;
  const body = `<body>\r\n<center><h1>${title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>`;
  return `<html>\r\n${head}\r\n${body}\r\n</html>\r\n`;
}
