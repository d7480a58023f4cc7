import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';
import type { Context, Next } from 'koa';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';

import { setRateLimit } from '../../http/rate-limit';

interface RateLimitConfig {
  readonly enabled?: boolean;
  readonly max?: number;
  readonly interval?: number;
}

/**
 * Replaces the plugin's middleware `rateLimit`. That one also counts registrations and requests for mails by the email
 * of the body. So each new email has a limit of its own. This one counts attempts by route, address and logged-in
 * user, for any spelling of the path.
 */
export function limitAttempts(_config: unknown, { strapi }: { strapi: Core.Strapi }) {
  const settings = strapi.config.get<RateLimitConfig>('plugin::users-permissions.ratelimit', {});
  const { enabled = true, max = 5, interval = 60_000 } = settings;
  const limiter = new RateLimiterMemory({ points: max, duration: interval / 1000 });

  return async function rateLimit(ctx: Context, next: Next): Promise<unknown> {
    if (!enabled) return next();
    const count = await limiter.consume(keyOf(ctx)).catch((error: unknown) => {
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

function keyOf(ctx: Context): string {
  const { path } = (ctx.state['route'] ?? {}) as { path?: string };
  const user = ctx.state['user'] as { id?: number } | undefined;
  return [path, withoutPort(ctx.request.ip), user?.id].join(' ');
}

/** Removes the port. Some proxies add the port of the connection, which differs each time. */
function withoutPort(address: string): string {
  return /^(\d+\.\d+\.\d+\.\d+):\d+$|^\[(.+)\]:\d+$/u.exec(address)?.slice(1).find(Boolean) ?? address;
}
