import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A TCP proxy to a server. Tests cut, restore and delay the connection. */
export interface Cable {
  readonly port: number;
  /** Delivers later bytes after this time, in each direction. 0 by default. */
  delay(ms: number): void;
  cut(): void;
  repair(): void;
  remove(): Promise<void>;
}

export async function startCable(target: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let delayMs = 0;
  const server = createServer((near) => {
    if (isCut) return void near.destroy();
    const far = connect(target, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
      forward(one, other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    delay: (ms) => void (delayMs = ms),
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      cutAll();
    },
    repair() {
      isCut = false;
    },
    async remove() {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  /** Bytes keep their order when the delay becomes shorter. */
  function forward(one: Socket, other: Socket): void {
    let delivered = Promise.resolve();
    one.on('data', (bytes) => {
      const arrives = delayMs === 0 ? Promise.resolve() : pause(delayMs);
      delivered = Promise.all([delivered, arrives]).then(() => void other.write(bytes));
    });
    one.on('end', () => void delivered.then(() => other.end()));
  }
}
