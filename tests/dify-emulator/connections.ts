import type { ServerResponse } from 'node:http';

/**
 * Bounds the requests that are answered at the same time. Further ones wait without a byte, as in the backlog of Dify's
 * worker, until a response has ended.
 */
export function createConnections(most: number): (res: ServerResponse, serve: () => void) => void {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return (res, serve) => {
    const enter = () => {
      inside += 1;
      res.once('close', () => {
        inside -= 1;
        waiting.shift()?.();
      });
      serve();
    };
    if (inside < most) enter();
    else waiting.push(() => (res.closed ? waiting.shift()?.() : enter()));
  };
}
