import { toShares } from '../../bench/profile/shares';

const node = (id: number, functionName: string, url = '') => ({ id, callFrame: { functionName, url } });

it('toShares returns the shares of the busy time, the largest first', () => {
  const json = JSON.stringify({
    nodes: [
      node(1, '(idle)'),
      node(2, 'writev'),
      node(3, '_query', 'file:///app/node_modules/knex/lib/x.js'),
      node(4, 'inner', 'file:///app/node_modules/a/node_modules/@scope/b/index.js'),
      node(5, 'append', 'file:///app/dist/src/chat/frame-log.js'),
      node(6, '(garbage collector)'),
      node(7, 'emit', 'node:events'),
      node(8, 'parse'),
    ],
    startTime: 5_000,
    samples: [5, 1, 2, 3, 4, 5, 6, 7, 8, 2, 3],
    timeDeltas: [100, 1_000, 30, 20, 10, 10, 10, 5, 5, 10, 900],
  });
  // The first sample is before the time range, and the last one after it.
  expect(toShares(json, { fromUs: 5_200, toUs: 6_500 })).toEqual([
    { part: 'system: writing to sockets', share: 0.4 },
    { part: 'package knex', share: 0.2 },
    { part: 'package @scope/b', share: 0.1 },
    { part: 'ours: src/chat', share: 0.1 },
    { part: 'garbage collection', share: 0.1 },
    { part: 'JavaScript of Node', share: 0.05 },
    { part: 'the engine and other native code', share: 0.05 },
  ]);
});

it('toShares throws for text that is not a profile', () => {
  expect(() => toShares('{"nodes":[]}', { fromUs: 0, toUs: 1 })).toThrow();
});
