import type { Context } from 'koa';

/** The administrator of a request, for the audit log. */
export interface Administrator {
  readonly adminId: number;
  readonly adminEmail: string;
}

export function administratorOf(ctx: Pick<Context, 'state'>): Administrator {
  const { id, email } = ctx.state['user'] as { readonly id: number; readonly email: string };
  return { adminId: id, adminEmail: email };
}
