import { toDifyError } from '../../../../src/chat/contract/dify/error';
import { chatErrors, type ChatErrorCode } from '../../../../src/chat/errors';

const converted = (code: ChatErrorCode) => {
  const { status, sentence } = chatErrors[code];
  return toDifyError({ code, status, message: sentence });
};

describe('toDifyError', () => {
  it.each<[error: string, code: ChatErrorCode, difys: string, status: number]>([
    ['ConversationNotExistsError', 'session-not-found', 'not_found', 404],
    ['ConversationCompletedError', 'upstream-conversation-gone', 'conversation_completed', 400],
    ['AppModelConfigBrokenError', 'character-without-prompt', 'app_unavailable', 400],
    ['ProviderTokenNotInitError', 'upstream-misconfigured', 'provider_not_initialize', 400],
    ['QuotaExceededError', 'upstream-quota-exceeded', 'provider_quota_exceeded', 400],
    ['ModelCurrentlyNotSupportError', 'upstream-model-unavailable', 'model_currently_not_support', 400],
    ['InvokeError', 'upstream-failed', 'completion_request_error', 400],
    ['ValueError', 'invalid-request', 'invalid_param', 400],
    ['Exception', 'internal', 'internal_server_error', 500],
  ])('returns the code of the specification for %s', (_error, code, difys, status) => {
    expect(converted(code)).toMatchObject({ code: difys, status });
  });

  it('has the order of the fields of Dify', () => {
    expect(Object.keys(converted('internal'))).toEqual(['code', 'message', 'status']);
  });

  it.each<ChatErrorCode>(['rate-limited', 'too-many-turns', 'token-limit-reached', 'text-limit-reached'])(
    'keeps the code and the status of the limit %s',
    (code) => {
      expect(converted(code)).toEqual({ code, message: chatErrors[code].sentence, status: 429 });
    },
  );

  it('keeps the sentence about a wrong field', () => {
    const error = { code: 'invalid-request', status: 400, message: 'query is required.' };
    expect(toDifyError(error)).toEqual({ code: 'invalid_param', message: 'query is required.', status: 400 });
  });

  it('returns the same for the things of another user and unknown ones', () => {
    expect(converted('turn-not-found')).toEqual(converted('message-not-found'));
  });

  it('has one sentence for every request without a valid token', () => {
    expect(toDifyError({ status: 401, message: 'No.' })).toEqual(converted('unauthorized'));
  });

  it.each([
    [400, 'bad_request'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [405, 'method_not_allowed'],
    [418, 'internal_server_error'],
  ])('names an error %i of the framework %s', (status, code) => {
    expect(toDifyError({ status, message: 'No.' })).toEqual({ code, message: 'No.', status });
  });
});
