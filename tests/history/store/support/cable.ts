import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy to a server. Tests cut and restore the connection. */
export interface Cable {
  readonly port: number;
  cut(): void;
  repair(): void;
  remove(): Promise<void>;
}

export async function startCable(target: number): Promise<Cable> {
  const sockets = new Set<Socket>();
  let isCut = false;
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
      one.pipe(other);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cutAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
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
}
