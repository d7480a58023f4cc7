import type { IncomingMessage } from 'node:http';

import { parseUpgrade } from '../../src/websocket/upgrade';

describe('parseUpgrade', () => {
  const asked = (url: string, headers: object = {}, method = 'GET') =>
    parseUpgrade({ method, url, headers: { upgrade: 'websocket', ...headers } } as IncomingMessage);

  it.each([
    ['/ws/a-session', 'a-session'],
    ['/api/ws/a-session', 'a-session'],
    ['/ws/a-session?token=secret', 'a-session'],
    ['/ws/a-session/', 'a-session'],
    ['/ws/7E197905-7737-4688-8CBD-8106FFF1C975', '7e197905-7737-4688-8cbd-8106fff1c975'],
    ['/ws/no%20session', ''],
    [`/ws/${'x'.repeat(65)}`, ''],
  ])('reads from the URL %s the session %j', (url, sessionId) => {
    expect(asked(url)).toEqual({ sessionId, origin: undefined, token: undefined });
  });

  it.each(['/ws', '/ws/', '/ws/a/b', '/wss/a', '/other/ws/a', '/'])('returns null for the URL %s', (url) => {
    expect(asked(url)).toBeNull();
  });

  it('returns null for another method or another protocol', () => {
    expect(asked('/ws/a', {}, 'POST')).toBeNull();
    expect(asked('/ws/a', { upgrade: 'h2c' })).toBeNull();
  });

  it.each([
    [{ authorization: 'Bearer of-ada' }, 'of-ada'],
    [{ authorization: 'bearer  of-ada' }, 'of-ada'],
    [{ authorization: 'Basic of-ada' }, undefined],
    [{ authorization: 'Bearer' }, undefined],
    [{ 'sec-websocket-protocol': 'bearer, of-ada' }, 'of-ada'],
    [{ 'sec-websocket-protocol': 'bearer' }, undefined],
    [{ 'sec-websocket-protocol': 'chat, of-ada' }, undefined],
    [{ authorization: 'Bearer of-ada', 'sec-websocket-protocol': 'bearer, of-bob' }, 'of-ada'],
  ])('reads from the headers %j the token %j', (headers, token) => {
    expect(asked('/ws/a', headers)?.token).toBe(token);
  });
});
