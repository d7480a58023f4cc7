import { prefersEventStream } from '../../src/http/accept';

describe('prefersEventStream', () => {
  it.each([
    'text/event-stream',
    'TEXT/EVENT-STREAM',
    ' text/event-stream ; charset=utf-8 ',
    'text/event-stream, */*',
    '*/*, text/event-stream',
    'text/event-stream, application/json',
    'text/*',
    'application/json;q=0.5, text/event-stream;q=0.9',
    'application/json; Q=0.1,text/event-stream;charset=utf-8; q=0.2',
    'application/json;q=0, */*',
    'text/event-stream;q=1.0, application/json;q=1.000;v=2, text/html',
    'text/event-stream;note="a,b;q=0"',
  ])('is true for "%s"', (accept) => {
    expect(prefersEventStream(accept)).toBe(true);
  });

  it.each([
    '',
    '*/*',
    'application/json',
    'application/json, text/event-stream',
    'application/json, text/plain, */*',
    'text/event-stream;q=0',
    'text/event-stream; q=0.000, */*',
    'text/event-stream;q=0.5, application/json;q=0.9',
    '*/*;q=1, text/event-stream;q=0.5',
    'text/event-streams',
    'text/html',
    ', ;q=1, /,',
  ])('is false for "%s"', (accept) => {
    expect(prefersEventStream(accept)).toBe(false);
  });

  it('reads a quote without an end in linear time', () => {
    const start = performance.now();
    expect(prefersEventStream(`text/event-stream;a=${'\\"'.repeat(80_000)}`)).toBe(true);
    expect(prefersEventStream(`application/json;a=${'\\"'.repeat(80_000)}, text/event-stream`)).toBe(false);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it.each(['text/event-stream;a="b', 'text/event-stream;a="b\\', 'text/event-stream;a="b\\"'])(
    'is true for "%s", whose quote has no end',
    (accept) => {
      expect(prefersEventStream(accept)).toBe(true);
    },
  );
});
