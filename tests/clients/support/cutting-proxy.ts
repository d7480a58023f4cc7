import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What happens to one connection. */
export interface Cut {
  /** How many bytes of replies pass. Then both sides are closed without notice. 0 cuts before a byte of a request. */
  readonly afterReplyBytes: number;
  /** The connection stays open, and nothing passes any more. */
  readonly isStalled?: boolean;
}

/** A proxy between a client and the server that breaks connections. */
export interface CuttingProxy {
  readonly url: string;
  /** Returns how many connections were cut. */
  cuts(): number;
  close(): Promise<void>;
}

/** @param nextCut says what happens to the next connection. */
export async function startCuttingProxy(serverUrl: string, nextCut: () => Cut): Promise<CuttingProxy> {
  let cuts = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const { afterReplyBytes, isStalled = false } = nextCut();
    let left = afterReplyBytes;
    let isCut = false;
    const upstream = connect(Number(new URL(serverUrl).port), '127.0.0.1');
    const cut = () => {
      if (isCut) return;
      isCut = true;
      cuts += 1;
      if (isStalled) return void upstream.pause();
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
    }
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.end());
    if (left === 0) return cut();
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes) => {
      client.write(bytes.subarray(0, left), () => left === 0 && cut());
      left = Math.max(0, left - bytes.length);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: () => cuts,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
