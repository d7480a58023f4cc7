import type { Context } from 'koa';

/**
 * The result of a Strapi authentication strategy. `error` is set if the strategy has read the user and refuses them.
 */
export interface AuthenticateResult {
  readonly authenticated?: boolean;
  readonly error?: string | null;
  readonly credentials?: unknown;
  readonly ability?: unknown;
}

export interface AuthStrategy {
  readonly name: string;
  authenticate(ctx: Context): Promise<AuthenticateResult | undefined>;
}
