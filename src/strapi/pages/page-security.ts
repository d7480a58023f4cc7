import type { Context } from 'koa';

/**
 * Sets the headers that protect a page. The page loads code, styles and data only from this server.
 * @param imageOrigins other servers that have pictures of characters.
 */
export function setPageSecurity(ctx: Context, imageOrigins: readonly string[] = []): void {
  ctx.set({
    'Content-Security-Policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      ['img-src', "'self'", 'data:', 'blob:', ...imageOrigins].join(' '),
      "font-src 'self'",
      "connect-src 'self'",
      "manifest-src 'self'",
      "base-uri 'none'",
      "form-action 'self'",
      "frame-ancestors 'none'",
    ].join('; '),
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    // The address of the page for a new password contains its code.
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
  });
}
