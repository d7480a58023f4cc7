import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A load balancer for TCP connections. It asks each process whether it is ready, as an operator's would. */
export interface Balancer {
  readonly url: string;
  /** Balances between these processes from now on. The health check decides which of them get connections. */
  use(urls: readonly string[]): void;
  /** Returns whether the last health check of this process found it ready. */
  isReady(url: string): boolean;
  close(): Promise<void>;
}

const checkEveryMs = 200;

export async function startBalancer(): Promise<Balancer> {
  let urls: readonly string[] = [];
  const ready = new Set<string>();
  const open = new Set<Socket>();
  const closing = new AbortController();
  let next = 0;
  const server = createServer((client) => {
    keep(client);
    forward(client, urls.length);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const checking = check();
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    use: (given) => void (urls = given),
    isReady: (url) => ready.has(url),
    async close() {
      closing.abort();
      for (const socket of open) socket.destroy();
      server.close();
      await checking;
    },
  };

  function keep(socket: Socket): void {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
  }

  /** Forwards to the next ready process. Tries another one if it does not accept the connection. */
  function forward(client: Socket, tries: number): void {
    const usable = urls.filter((url) => ready.has(url));
    const url = usable[(next += 1) % Math.max(usable.length, 1)];
    if (url === undefined || tries === 0) return void client.destroy();
    const { port, hostname } = new URL(url);
    const upstream = connect(Number(port), hostname);
    keep(upstream);
    let isConnected = false;
    upstream.once('connect', () => {
      isConnected = true;
      client.pipe(upstream).pipe(client);
    });
    upstream.once('close', () => (isConnected ? client.destroy() : forward(client, tries - 1)));
    client.once('close', () => upstream.destroy());
  }

  async function check(): Promise<void> {
    while (!closing.signal.aborted) {
      await Promise.all(
        urls.map(async (url) => {
          const signal = AbortSignal.timeout(2_000);
          const isOk = await fetch(`${url}/api/chat/ready`, { signal }).then(
            (reply) => reply.ok,
            () => false,
          );
          if (isOk) ready.add(url);
          else ready.delete(url);
        }),
      );
      await pause(checkEveryMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }
}
