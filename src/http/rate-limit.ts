import type { Context } from 'koa';

import type { RateLimit } from '../chat';

/** The headers that Strapi's login has, too, with the reset in seconds since 1970 as it has it. */
export function setRateLimit(ctx: Context, { limit, remaining, resetAtMs }: RateLimit): void {
  ctx.set({
    'X-RateLimit-Limit': String(limit),
    'X-RateLimit-Remaining': String(remaining),
    'X-RateLimit-Reset': String(Math.ceil(resetAtMs / 1000)),
  });
}
