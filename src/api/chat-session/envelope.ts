import type { Context } from 'koa';

export const sessionPageSize = 20;
export const messagePageSize = 50;

/** Wraps the data of a successful reply in the session API's envelope. */
export function success<T>(data: T): { readonly code: 200; readonly message: string; readonly data: T } {
  return { code: 200, message: 'success', data };
}

/**
 * Returns a parameter of the path. Returns '', which is no valid id, for NUL characters or more than 255 characters.
 */
export function param(ctx: Context, name: string): string {
  const value = (ctx['params'] as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && value.length <= 255 && !value.includes('\0') ? value : '';
}
