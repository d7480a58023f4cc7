import { createRedis, type Redis } from '../../../../src/database/redis/connection';
import { startRedis, type RedisServer } from '../../../support/start-redis';
import { until } from '../../../support/until';

const quiet = { info: () => undefined, warn: () => undefined };

/** A Redis server of one test, and the connections of its nodes. */
export interface RedisNodes {
  readonly server: RedisServer;
  /** Connects a node, and waits until Redis can be used. */
  connect(log?: Parameters<typeof createRedis>[0]['log']): Promise<Redis>;
  /** Ends all nodes, then the server. */
  close(): Promise<void>;
}

export async function startRedisNodes(): Promise<RedisNodes> {
  const server = await startRedis();
  const open: Redis[] = [];
  return {
    server,
    async connect(log = quiet) {
      const redis = createRedis({ url: server.url, secret: 'secret of the installation', log });
      open.push(redis);
      redis.start();
      await until(() => redis.client() !== null);
      return redis;
    },
    async close() {
      await Promise.all(open.map((redis) => redis.close()));
      await server.close();
    },
  };
}
