import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Returns a port on which no process listens now. It is below the ports that systems give to outgoing connections, so
 * that none of them takes it before the test does.
 */
export async function freePort(): Promise<number> {
  const port = randomInt(11_000, 32_768);
  const server = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => resolve(true));
  });
  if (!isFree) return freePort();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
