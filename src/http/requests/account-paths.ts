/** Matches the paths by which a client gets a login, an account or a password. They need no login. */
const withoutLogin = new RegExp(
  [
    '^/api/auth/(local|local/register|refresh|forgot-password|reset-password)/?$',
    '^/api/auth/(send-email-confirmation|email-confirmation|[^/]+/callback)/?$',
    '^/api/connect/',
  ].join('|'),
  'iu',
);

/** Matches the paths of users and administrators that take names, passwords or codes. */
const ofAccounts =
  /^\/(api\/(auth|users)|admin\/(login|register|register-admin|registration-info|(forgot|reset)-password))(\/|$)/iu;

export const needsNoLogin = (path: string): boolean => withoutLogin.test(path);
export const isOfAccounts = (path: string): boolean => ofAccounts.test(path);
