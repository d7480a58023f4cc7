import type { Context } from 'koa';

export const sessionPageSize = 20;
export const messagePageSize = 50;

/** What the session API says of success. */
export function success<T>(data: T): { readonly code: 200; readonly message: string; readonly data: T } {
  return { code: 200, message: 'success', data };
}

/** A part of the path; empty, which nothing is called, where it is longer than any id or not to be stored. */
export function param(ctx: Context, name: string): string {
  const value = (ctx['params'] as Readonly<Record<string, unknown>>)[name];
  return typeof value === 'string' && value.length <= 255 && !value.includes('\0') ? value : '';
}
