import {
  ChatError,
  chatErrors,
  isChatErrorCode,
  toChatError,
  type ChatErrorCode,
} from '../../src/chat/errors';

const codes = Object.entries(chatErrors);

describe('chatErrors', () => {
  it.each(codes)(
    '%s has an error status, a sentence for the client and an advice',
    (code, { status, sentence, advice }) => {
      expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/u);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      expect(sentence).toMatch(/^[A-Z].+\.$/u);
      expect(advice).toMatch(/^[A-Z].+\.$/u);
    },
  );

  it('contains a retry delay only for errors that can pass soon', () => {
    const retried = codes.filter(
      ([code]) => new ChatError(code as ChatErrorCode).retryAfterSeconds !== undefined,
    );
    expect(retried.map(([code, { status }]) => [code, status])).toEqual([
      ['too-many-connections', 429],
      ['too-many-reads', 429],
      ['upstream-busy', 503],
      ['database-unavailable', 503],
      ['read-timeout', 503],
      ['history-unavailable', 503],
      ['server-busy', 503],
      ['server-stopping', 503],
    ]);
  });

  it.each([
    ['turn-not-found', 404],
    ['server-stopping', 503],
  ] as const)('contains %s with the status %d', (code, status) => {
    expect(new ChatError(code)).toMatchObject({ code, status, message: chatErrors[code].sentence });
  });

  it('contains no sentence twice', () => {
    expect(new Set(codes.map(([, { sentence }]) => sentence)).size).toBe(codes.length);
  });
});

describe('ChatError', () => {
  it('is an Error with the code’s status and sentence', () => {
    const error = new ChatError('turn-in-progress');
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({
      name: 'ChatError',
      code: 'turn-in-progress',
      status: 409,
      message: chatErrors['turn-in-progress'].sentence,
      details: {},
    });
    expect('cause' in error).toBe(false);
  });

  it('accepts another sentence, details and a cause', () => {
    const cause = new Error('secret');
    const error = new ChatError('invalid-request', {
      sentence: 'query is missing.',
      details: { a: 1 },
      cause,
    });
    expect(error).toMatchObject({ message: 'query is missing.', details: { a: 1 }, status: 400 });
    expect(error.cause).toBe(cause);
  });

  it('has a retry delay in seconds, or none', () => {
    expect(new ChatError('server-stopping').retryAfterSeconds).toBe(5);
    expect(new ChatError('too-many-connections').retryAfterSeconds).toBe(5);
    expect(new ChatError('upstream-busy', { details: { retryAfterSeconds: 9 } }).retryAfterSeconds).toBe(5);
    expect(new ChatError('upstream-quota-exceeded').retryAfterSeconds).toBeUndefined();
    expect(new ChatError('server-stopping', { retryAfterSeconds: 9 }).retryAfterSeconds).toBe(9);
  });

  it('does not show its cause in its text and its JSON', () => {
    const error = new ChatError('internal', { cause: { text: 'secret' } });
    expect(String(error) + JSON.stringify(error)).not.toContain('secret');
  });
});

describe('isChatErrorCode', () => {
  it('returns true for every code and false for other values', () => {
    for (const [code] of codes) expect(isChatErrorCode(code)).toBe(true);
    for (const other of ['', 'oops', 'constructor', '__proto__', null, undefined, 7, {}]) {
      expect(isChatErrorCode(other)).toBe(false);
    }
  });
});

describe('toChatError', () => {
  it('returns a ChatError unchanged', () => {
    const error = new ChatError('upstream-busy');
    expect(toChatError(error)).toBe(error);
  });

  it.each([new TypeError('secret'), 'secret', null, undefined, { code: 'upstream-busy', message: 'secret' }])(
    'turns %p into "internal" without showing it',
    (error) => {
      const ours = toChatError(error);
      expect(ours).toMatchObject({ code: 'internal', status: 500, message: chatErrors.internal.sentence });
      expect(ours.cause).toBe(error);
    },
  );
});
