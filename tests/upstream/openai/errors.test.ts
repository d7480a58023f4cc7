import { upstreamMessageOf, type ChatErrorCode } from '../../../src/chat/errors';
import { describeError } from '../../../src/chat/shared/log';
import { fromOpenAiError } from '../../../src/upstream/openai/errors';
import type { ErrorDetail } from '../../../src/upstream/openai/schema';

const detail = (names: readonly string[] = [], message = ''): ErrorDetail => ({
  names,
  message,
  status: undefined,
});
const apiKey = 'quite short';

describe('fromOpenAiError', () => {
  it.each<[number, readonly string[], ChatErrorCode]>([
    [401, ['invalid_api_key', 'invalid_request_error'], 'upstream-misconfigured'],
    [404, ['model_not_found'], 'upstream-misconfigured'],
    [400, ['model_not_found'], 'upstream-misconfigured'],
    [400, ['context_length_exceeded', 'invalid_request_error'], 'upstream-rejected'],
    [400, ['content_filter'], 'upstream-rejected'],
    [429, ['rate_limit_exceeded', 'tokens'], 'upstream-busy'],
    [429, ['insufficient_quota', 'insufficient_quota'], 'upstream-quota-exceeded'],
    [429, ['requests', 'insufficient_quota'], 'upstream-quota-exceeded'],
    [429, ['billing_hard_limit_reached'], 'upstream-quota-exceeded'],
    [500, ['server_error'], 'upstream-failed'],
    [500, ['overloaded_error'], 'upstream-busy'],
    [402, [], 'upstream-quota-exceeded'],
    [529, [], 'upstream-busy'],
    [400, [], 'upstream-rejected'],
    [401, [], 'upstream-misconfigured'],
    [408, [], 'upstream-timeout'],
    [422, [], 'upstream-rejected'],
    [429, [], 'upstream-busy'],
    [503, ['constructor', '__proto__'], 'upstream-busy'],
  ])('maps %i %j to %s', (status, names, code) => {
    expect(fromOpenAiError(detail(names), { status, apiKey }).code).toBe(code);
  });

  it('keeps the message without keys for the operator, and shows clients none of it', () => {
    const message = 'Neither sk-1234 nor quite short is a key.';
    const error = fromOpenAiError(detail(['invalid_api_key'], message), { status: 401, apiKey });
    expect(error.cause).toEqual({
      upstreamStatus: 401,
      upstreamCode: 'invalid_api_key',
      upstreamMessage: 'Neither *** nor *** is a key.',
    });
    expect(upstreamMessageOf(error)).toBe('Neither *** nor *** is a key.');
    expect(error.message).not.toContain('key.');
  });

  it('keeps the message if the server takes no key', () => {
    const error = fromOpenAiError(detail([], 'Out of memory.'), { status: 500, apiKey: '' });
    expect(upstreamMessageOf(error)).toBe('Out of memory.');
  });

  it('drops free text in the place of a code', () => {
    const error = fromOpenAiError(detail(['sk-1234 is wrong']), { status: 401, apiKey });
    expect(describeError(error)).not.toContain('sk-1234');
  });

  it.each([
    ['20', 20],
    ['0.2', 1],
    ['99999', 3_600],
    ['0', 5],
    ['-1', 5],
    ['', 5],
    ['Wed, 21 Oct 2026 07:28:00 GMT', 5],
  ])('waits after a rate limit with Retry-After %j for %d seconds', (retryAfter, seconds) => {
    const error = fromOpenAiError(detail(), { status: 429, retryAfter, apiKey });
    expect(error.retryAfterSeconds).toBe(seconds);
  });

  it('gives no time to wait for a used-up quota', () => {
    const context = { status: 429, retryAfter: '20', apiKey };
    expect(fromOpenAiError(detail(['insufficient_quota']), context).retryAfterSeconds).toBeUndefined();
  });
});
