import type { Context, Next } from 'koa';

import { ChatError, isBlank, toStorableText } from '../chat';
import { isOfAccounts, needsNoLogin } from '../http/requests/account-paths';

/**
 * Prepares requests for Strapi's own account routes.
 * Many HTTP clients send their token with every request, or `null` instead of a token. A login, a registration or a
 * refresh ignores the header: Strapi would refuse a valid token with 403, and everything else with 401.
 * An empty name in `fields` is refused, because Strapi would fail with 500.
 * A text with NUL or a lone surrogate is refused: PostgreSQL stores no NUL, and bcrypt does not compare beyond it.
 */
export default () =>
  function accountRequests(ctx: Context, next: Next): Promise<void> {
    if (needsNoLogin(ctx.path) && !hasApiToken(ctx)) delete ctx.request.headers.authorization;
    if (isOfAccounts(ctx.path)) {
      assertFieldsNamed(ctx.query['fields']);
      assertStorable(ctx.query);
      assertStorable(ctx.request.body);
      assertStorable((ctx.request.body as { userInfo?: unknown } | undefined)?.userInfo);
    }
    return next();
  };

/** Returns whether the header has the form of Strapi's API tokens: hexadecimal. A token may need its own rights here. */
const hasApiToken = (ctx: Context): boolean => /^bearer\s+[\da-f]{64,}$/iu.test(ctx.get('Authorization'));

/** @throws ChatError `invalid-request` for the first field that cannot be stored unchanged. */
function assertStorable(fields: unknown): void {
  for (const [name, value] of Object.entries(fields ?? {})) {
    if (typeof value !== 'string' || toStorableText(value) === value) continue;
    throw new ChatError('invalid-request', {
      sentence: `${toStorableText(name).slice(0, 100)} must not contain NUL or a lone surrogate.`,
    });
  }
}

/** @throws ChatError `invalid-request` if `fields` has an empty name. It is a text, a list or an object. */
function assertFieldsNamed(fields: unknown): void {
  if (fields === undefined) return;
  const texts = typeof fields === 'object' && fields !== null ? Object.values(fields) : [fields];
  const names = texts.flatMap((text) => (typeof text === 'string' ? text.split(',') : []));
  if (names.every((name) => !isBlank(name))) return;
  throw new ChatError('invalid-request', {
    sentence: 'fields must be names of fields, separated by commas.',
  });
}
