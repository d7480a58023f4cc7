import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';

export interface RawUpstream {
  readonly url: string;
  readonly apiKey: string;
  connections(): number;
  /** Settles when every connection so far is closed. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** Starts an upstream on plain TCP. `serve` gets each connection when the first bytes of a request arrive. */
export async function listen(
  serve: (socket: net.Socket) => void,
  createServer: (take: (socket: net.Socket) => void) => net.Server = (take) => net.createServer(take),
): Promise<RawUpstream> {
  const closed: Promise<unknown>[] = [];
  const server = createServer((socket) => {
    closed.push(new Promise((resolve) => socket.once('close', resolve)));
    socket.on('error', () => undefined);
    socket.once('data', () => serve(socket));
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    apiKey: 'app-raw',
    connections: () => closed.length,
    idle: () => Promise.all(closed).then(() => undefined),
    close: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** Starts an upstream that sends this response to every request. */
export function answering(status: number, body: string, type = 'application/json'): Promise<RawUpstream> {
  return listen((socket) => {
    const head = [`HTTP/1.1 ${status} Some`, `Content-Type: ${type}`, 'Connection: close'];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  });
}
