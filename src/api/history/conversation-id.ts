import type { Context } from 'koa';

export function conversationIdOf(ctx: Context): string {
  const params = ctx['params'] as Readonly<Record<string, string>>;
  return params['conversation_id'] ?? '';
}
