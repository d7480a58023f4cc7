import type { Context } from 'koa';

/**
 * Returns a parameter of the path. Returns '', which is no valid id, for NUL characters or more than 255 characters.
 */
export function param(ctx: Context, name: string): string {
  const value = (ctx['params'] as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && value.length <= 255 && !value.includes('\0') ? value : '';
}
