import { inspect } from 'node:util';

import { ChatError } from '../../../src/chat/errors';
import { describeError } from '../../../src/chat/shared/log';
import { fromTransportError } from '../../../src/upstream/http/errors';
import { FrameTooLongError } from '../../../src/upstream/http/sse';

/** Returns all text of an error that the application sends or logs. */
function said(error: ChatError): string {
  return [error.message, JSON.stringify(error), JSON.stringify(error.cause), describeError(error)]
    .concat(inspect(error, { depth: 9 }))
    .join('\n');
}

describe('fromTransportError', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED 10.0.0.1:80'), { code: 'ECONNREFUSED' });

  it('returns upstream-unreachable before the reply begins, and upstream-interrupted afterwards', () => {
    expect(fromTransportError(refused, { hasBegun: false }).code).toBe('upstream-unreachable');
    expect(fromTransportError(refused, { hasBegun: true }).code).toBe('upstream-interrupted');
  });

  it('keeps only the code of the connection error', () => {
    const error = fromTransportError(refused, { hasBegun: false });
    expect(error.cause).toEqual({ transportCode: 'ECONNREFUSED' });
    expect(said(error)).not.toContain('10.0.0.1');
  });

  it('keeps no data of a request that is attached to the error', () => {
    const carrying = Object.assign(new Error('secret'), {
      code: 'ECONNABORTED',
      request: { headers: { Authorization: 'Bearer app-secret' }, data: '{"query":"secret"}' },
    });
    expect(said(fromTransportError(carrying, { hasBegun: false }))).not.toContain('secret');
  });

  it.each([undefined, null, 'text', 7, {}, { code: 7 }, new Error('x')])(
    'treats %p as an unknown error',
    (error) => {
      expect(fromTransportError(error, { hasBegun: true })).toMatchObject({
        code: 'upstream-interrupted',
        cause: { transportCode: 'unknown' },
      });
    },
  );

  it('returns a ChatError unchanged', () => {
    const ours = new ChatError('upstream-busy');
    expect(fromTransportError(ours, { hasBegun: true })).toBe(ours);
  });

  it('returns upstream-malformed for a frame that is too long', () => {
    expect(fromTransportError(new FrameTooLongError('long'), { hasBegun: true }).code).toBe(
      'upstream-malformed',
    );
  });
});
