import { hasRedis } from './start-redis';

/** Declares tests that need a Redis server. Skips them with a clear line if none is installed. */
export const describeWithRedis: jest.Describe = hasRedis
  ? describe
  : Object.assign(
      (...args: Parameters<typeof describe.skip>) => {
        process.stderr.write('\n### redis-server is not installed: tests with Redis are SKIPPED. ###\n\n');
        describe.skip(...args);
      },
      { only: describe.only, skip: describe.skip, each: describe.skip.each },
    );
