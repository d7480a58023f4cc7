/**
 * Plays Dify for benchmarks: a separate process that answers every POST by the plan in its body. It uses raw sockets,
 * because its processor time is not available to the measured processes.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';

import { prepareAnswer } from './answer';
import { createGate } from './gate';
import { findPlan, type Plan } from './plan';

const head = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n' +
    'Connection: close\r\n\r\n',
);

const gate = createGate();

const server = createServer({ noDelay: true }, (socket) => {
  const parts: Buffer[] = [];
  socket.on('error', () => socket.destroy());
  const onData = (part: Buffer) => {
    parts.push(part);
    const body = bodyOf(Buffer.concat(parts));
    if (body === null) return;
    socket.off('data', onData);
    socket.resume();
    const plan = findPlan(body);
    if (plan === null) socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    else answer(socket, plan);
  };
  socket.on('data', onData);
});

/** @returns the complete body, or null while it is incomplete. A chunked body ends with its last chunk. */
function bodyOf(request: Buffer): string | null {
  const end = request.indexOf('\r\n\r\n');
  if (end === -1) return null;
  const headers = request.toString('latin1', 0, end);
  const body = request.toString('latin1', end + 4);
  if (/^transfer-encoding: *chunked/imu.test(headers)) return body.endsWith('0\r\n\r\n') ? body : null;
  const length = Number(/^content-length: *(\d+)/imu.exec(headers)?.[1] ?? 0);
  return body.length >= length ? body : null;
}

function answer(socket: Socket, plan: Plan): void {
  const prepared = prepareAnswer();
  let sent = 0;
  const next = (): Buffer[] => {
    const count = Math.min(plan.perWrite, plan.events - sent);
    const chunks = [prepared.messages(sent, count)];
    sent += count;
    if (sent === plan.events) chunks.push(prepared.end());
    return chunks;
  };
  const isOver = () => sent === plan.events;

  socket.write(Buffer.concat([head, ...next()]));
  if (isOver()) {
    socket.end();
    return;
  }
  let timer: NodeJS.Timeout | undefined;
  const leave = gate.wait(plan.together, (place) => {
    const begin = () => {
      timer = setInterval(() => {
        socket.write(Buffer.concat(next()));
        if (!isOver()) return;
        clearInterval(timer);
        socket.end();
      }, plan.everyMs);
    };
    timer = setTimeout(begin, place * plan.everyMs);
  });
  socket.once('close', () => {
    leave();
    clearTimeout(timer);
  });
}

server.listen(0, '127.0.0.1', () => {
  process.send?.({ port: (server.address() as AddressInfo).port });
});
process.on('disconnect', () => process.exit());
