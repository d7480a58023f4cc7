import type { Context } from 'koa';

import type { RateLimit } from '../chat';

/** Sets the same rate-limit headers as Strapi's login. The reset time is in seconds since 1970. */
export function setRateLimit(ctx: Context, { limit, remaining, resetAtMs }: RateLimit): void {
  ctx.set({
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil(resetAtMs / 1000)),
  });
}
