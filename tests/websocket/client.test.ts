import { PassThrough } from 'node:stream';

import { createSocketClient } from '../../src/websocket/client';
import { SlowSocket } from './support/slow-socket';

it('a client that falls too far behind is closed with 1013', () => {
  const socket = new SlowSocket();
  const client = createSocketClient({
    socket: socket.asWebSocket(),
    stream: new PassThrough(),
    settings: { messagesPerSecond: 20 },
    stalledAfterMs: 60_000,
    onStalled: () => undefined,
  });
  for (let i = 0; i < 20; i += 1) client.outlet.send('x'.repeat(1_000_000));
  socket.end();
  expect(socket.closings).toEqual([[1013, 'too far behind']]);
  expect(client.gone.aborted).toBe(true);
});
