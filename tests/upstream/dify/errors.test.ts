import { inspect } from 'node:util';

import { fromDifyError, fromErrorEvent } from '../../../src/upstream/dify/errors';
import { ChatError, upstreamMessageOf, type ChatErrorCode } from '../../../src/chat/errors';
import { describeError } from '../../../src/chat/shared/log';

/** Returns all text of an error that the application sends or logs. */
function said(error: ChatError): string {
  return [error.message, JSON.stringify(error), JSON.stringify(error.cause), describeError(error)]
    .concat(inspect(error, { depth: 9 }))
    .join('\n');
}

describe('fromDifyError', () => {
  it.each<[number, string, string, ChatErrorCode]>([
    [401, 'unauthorized', 'Access token is invalid', 'upstream-misconfigured'],
    [403, 'forbidden', 'The app no longer exists.', 'upstream-misconfigured'],
    [403, 'forbidden', 'The app’s API service has been disabled.', 'upstream-misconfigured'],
    [404, 'not_found', 'Conversation Not Exists.', 'upstream-conversation-gone'],
    [
      404,
      'not_found',
      'Conversation Not Exists. You have requested this URI [/v1/chat-messages] but did you mean …',
      'upstream-conversation-gone',
    ],
    [404, 'not_found', 'Workflow not found with id: 7', 'upstream-rejected'],
    [400, 'not_chat_app', 'Please check your app mode.', 'upstream-misconfigured'],
    [400, 'app_unavailable', 'App unavailable.', 'upstream-misconfigured'],
    [400, 'agent_not_published', 'Agent not published', 'upstream-misconfigured'],
    [400, 'conversation_completed', 'The conversation has ended.', 'upstream-conversation-gone'],
    [400, 'provider_not_initialize', 'No valid credentials found.', 'upstream-misconfigured'],
    [400, 'provider_quota_exceeded', 'Your quota has been exhausted.', 'upstream-quota-exceeded'],
    [400, 'model_currently_not_support', 'Not the GPT-4 model.', 'upstream-model-unavailable'],
    [400, 'completion_request_error', 'Completion request failed.', 'upstream-failed'],
    [400, 'invalid_param', 'query is required', 'upstream-rejected'],
    [400, 'invalid_param', 'Too many requests. Please try again later.', 'upstream-busy'],
    [429, 'too_many_requests', 'Too many requests. Please try again later.', 'upstream-busy'],
    [429, 'too_many_requests', '', 'upstream-busy'],
    [429, 'rate_limit_error', 'Rate Limit Error', 'upstream-quota-exceeded'],
    [400, 'bad_request', 'Failed to decode JSON object.', 'upstream-rejected'],
    [415, 'unsupported_media_type', 'Not application/json.', 'upstream-rejected'],
    [500, 'internal_server_error', 'Please contact support.', 'upstream-failed'],
    [500, 'unknown', 'Internal Server Error', 'upstream-failed'],
    [404, 'unknown', 'Conversation Not Exists.', 'upstream-conversation-gone'],
  ])('maps %i %s "%s" to %s', (status, code, message, ours) => {
    const error = fromDifyError(status, { code, message });
    expect(error).toBeInstanceOf(ChatError);
    expect(error.code).toBe(ours);
  });

  it.each<[number, ChatErrorCode]>([
    [200, 'upstream-malformed'],
    [204, 'upstream-malformed'],
    [302, 'upstream-malformed'],
    [400, 'upstream-rejected'],
    [401, 'upstream-misconfigured'],
    [403, 'upstream-misconfigured'],
    [404, 'upstream-misconfigured'],
    [408, 'upstream-timeout'],
    [413, 'upstream-rejected'],
    [429, 'upstream-busy'],
    [500, 'upstream-failed'],
    [502, 'upstream-failed'],
    [503, 'upstream-busy'],
    [504, 'upstream-timeout'],
    [524, 'upstream-timeout'],
    [599, 'upstream-failed'],
  ])('maps %i without a known code to %s', (status, ours) => {
    expect(fromDifyError(status, {}).code).toBe(ours);
    expect(fromDifyError(status, { code: 'unheard_of', message: 'Oops' }).code).toBe(ours);
  });

  it('keeps the status, the code and the message without keys for the log, and shows clients none of it', () => {
    const error = fromDifyError(400, {
      code: 'invalid_param',
      message: 'Incorrect API key provided: sk-1234',
    });
    expect(error.cause).toEqual({
      upstreamStatus: 400,
      upstreamCode: 'invalid_param',
      upstreamMessage: 'Incorrect API key provided: ***',
    });
    expect(describeError(error)).toContain('Incorrect API key provided: ***');
    expect(upstreamMessageOf(error)).toBe('Incorrect API key provided: ***');
    expect(said(error)).not.toContain('sk-1234');
    expect(error.message).not.toContain('Incorrect');
  });

  it.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'treats the code "%s" as unknown',
    (code) => {
      expect(fromDifyError(500, { code }).code).toBe('upstream-failed');
    },
  );

  it('drops free text in the place of a code', () => {
    expect(said(fromDifyError(400, { code: 'Incorrect API key provided: sk-1234' }))).not.toContain(
      'sk-1234',
    );
  });
});

describe('fromErrorEvent', () => {
  it.each<[string, string, ChatErrorCode]>([
    // A chatflow whose model fails, as Dify 0.15.3 and 1.12.1 report it.
    ['invalid_param', 'Run failed: [openai] Error: quota', 'upstream-failed'],
    ['bad_request', '', 'upstream-failed'],
    ['not_found', '', 'upstream-failed'],
    ['completion_request_error', '', 'upstream-failed'],
    ['provider_quota_exceeded', '', 'upstream-quota-exceeded'],
    ['provider_not_initialize', '', 'upstream-misconfigured'],
  ])('maps %s %j to %s', (code, message, ours) => {
    const error = fromErrorEvent({ status: 400, code, message });
    expect(error.code).toBe(ours);
    expect(upstreamMessageOf(error)).toBe(message === '' ? null : message);
  });
});
