import type { Context } from 'koa';

/** What an authentication strategy of Strapi's answers: `error` where it has read the user and found them wanting. */
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
