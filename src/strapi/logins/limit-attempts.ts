import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context, Next } from 'koa';
import {
  RateLimiterMemory,
  RateLimiterRedis,
  RateLimiterRes,
  type RateLimiterAbstract,
} from 'rate-limiter-flexible';

import { redisOf } from '../../app';
import { setRateLimit } from '../../http/rate-limit';

interface RateLimitConfig {
  readonly enabled?: boolean;
  readonly max?: number;
  readonly interval?: number;
}

/**
 * Replaces the plugin's middleware `rateLimit`. That one also counts registrations and requests for mails by the email
 * of the body. So each new email has a limit of its own. This one counts attempts by route, address and logged-in
 * user, for any spelling of the path. With Redis, it counts over all processes.
 */
export function limitAttempts(_config: unknown, { strapi }: { strapi: Core.Strapi }) {
  const settings = strapi.config.get<RateLimitConfig>('plugin::users-permissions.ratelimit', {});
  const { enabled = true, max = 5, interval = 60_000 } = settings;
  const limiterOf = createLimiters(strapi, { points: max, duration: interval / 1000 });

  return async function rateLimit(ctx: Context, next: Next): Promise<unknown> {
    if (!enabled) return next();
    const count = await limiterOf()
      .consume(keyOf(ctx))
      .catch((error: unknown) => {
        if (error instanceof RateLimiterRes) return error;
        throw error;
      });
    setRateLimit(ctx, {
      limit: max,
      remaining: count.remainingPoints,
      resetAtMs: Date.now() + count.msBeforeNext,
    });
    if (count.consumedPoints > max) throw new errors.RateLimitError();
    return next();
  };
}

interface Limit {
  readonly points: number;
  /** Seconds. */
  readonly duration: number;
}

/** Returns the limiter of the moment. While Redis is away, each process counts alone. */
function createLimiters(strapi: Core.Strapi, limit: Limit): () => RateLimiterAbstract {
  const insuranceLimiter = new RateLimiterMemory(limit);
  let shared: { readonly client: object; readonly limiter: RateLimiterRedis } | undefined;
  return () => {
    const redis = redisOf(strapi);
    const client = redis?.client() ?? null;
    if (redis === null || client === null) return insuranceLimiter;
    if (shared?.client !== client) {
      const keyPrefix = redis.key('attempts');
      const options = { ...limit, storeClient: client, useRedisPackage: true, keyPrefix, insuranceLimiter };
      shared = { client, limiter: new RateLimiterRedis(options) };
    }
    return shared.limiter;
  };
}

function keyOf(ctx: Context): string {
  const { path } = (ctx.state['route'] ?? {}) as { path?: string };
  const user = ctx.state['user'] as { id?: number } | undefined;
  return [path, withoutPort(ctx.request.ip), user?.id].join(' ');
}

/** Removes the port. Some proxies add the port of the connection, which differs each time. */
function withoutPort(address: string): string {
  return /^(\d+\.\d+\.\d+\.\d+):\d+$|^\[(.+)\]:\d+$/u.exec(address)?.slice(1).find(Boolean) ?? address;
}
