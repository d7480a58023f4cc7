import { ChatError } from '../../../src/chat/errors';
import { HistoryProblem } from '../../../src/history/model/problem';
import { describeError } from '../../../src/chat/shared/log';

const secret = 'insert into messages values (my secret)';

describe('describeError', () => {
  it('returns the code of a ChatError', () => {
    expect(describeError(new ChatError('upstream-busy'))).toBe('upstream-busy');
    expect(describeError(new ChatError('invalid-request', { sentence: secret, details: { secret } }))).toBe(
      'invalid-request',
    );
  });

  it('adds the details in its cause', () => {
    const cause = { upstreamStatus: 500, upstreamCode: 'unknown' };
    expect(describeError(new ChatError('upstream-failed', { cause }))).toBe(
      'upstream-failed, {"upstreamStatus":500,"upstreamCode":"unknown"}',
    );
  });

  it('returns the name and the code of another error that has a code', () => {
    const error = Object.assign(new Error(secret), { code: 'SQLITE_BUSY' });
    expect(describeError(error)).toBe('Error SQLITE_BUSY');
    expect(describeError(new ChatError('internal', { cause: error }))).toBe('internal, Error SQLITE_BUSY');
  });

  it('returns the sentence of a HistoryProblem with its codes', () => {
    const cause = Object.assign(new Error(secret), { code: '28P01' });
    expect(describeError(new HistoryProblem('login-refused', { cause }))).toBe(
      'The database of the history refuses the login: user, password or rights are wrong ' +
        '(login-refused, Error 28P01)',
    );
    expect(describeError(new ChatError('history-unavailable', { cause: new HistoryProblem('full') }))).toBe(
      'history-unavailable, The database of the history has no room left (full)',
    );
  });

  it('returns the name and the place of another error without a code', () => {
    expect(describeError(new TypeError(secret))).toMatch(/^TypeError at .*log\.test\.ts:\d+:\d+\)?$/u);
    expect(describeError(new ChatError('internal', { cause: new RangeError(secret) }))).toMatch(
      /^internal, RangeError at .+:\d+:\d+\)?$/u,
    );
  });

  it.each([
    ['on one line', secret],
    ['on several lines', `first\n${secret}\n   at last: ${secret}`],
    ['that looks like a place', `a\n at b: ${secret}`],
  ])('never quotes the message of another error %s', (_name, message) => {
    for (const error of [new Error(message), Object.assign(new Error(message), { code: 'E1' })]) {
      expect(describeError(error)).not.toContain('secret');
      expect(describeError(new ChatError('internal', { cause: error }))).not.toContain('secret');
    }
  });

  it('works without a stack', () => {
    const error = new Error(secret);
    error.stack = '';
    expect(describeError(error)).toBe('Error at an unknown place');
  });

  it.each([
    ['text', secret],
    ['an object', { message: secret }],
  ])('never quotes %s that is thrown', (_name, thrown) => {
    expect(describeError(thrown)).not.toContain('secret');
  });

  it('always returns text', () => {
    expect(typeof describeError(undefined)).toBe('string');
  });

  it('does not throw for an object that JSON cannot represent', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    expect(() => describeError(circle)).not.toThrow();
  });
});
