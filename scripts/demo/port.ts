import { connect } from 'node:net';

import type { Variables } from '../env-file';
import { DemoError } from './screen';

export const host = '127.0.0.1';

export function choosePort(variables: Variables): number {
  const text = variables['PORT'] || '1337';
  const port = Number(text);
  if (!/^\d+$/u.test(text) || port < 1 || port > 65_535) {
    throw new DemoError(`PORT is "${text}". It must be a number from 1 to 65535.`);
  }
  return port;
}

/**
 * @throws DemoError if a program listens on the port. It tries to connect instead of listening. Some systems let two
 * programs listen on one port if one of them listens on all addresses. Strapi does so by default.
 */
export async function assertFree(port: number): Promise<void> {
  if (!(await accepts(port))) return;
  const other = port < 65_535 ? port + 1 : port - 1;
  throw new DemoError(
    `Port ${port} is in use: another program listens on it. Choose another port, e.g.\n\n  PORT=${other} npm run demo`,
  );
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
