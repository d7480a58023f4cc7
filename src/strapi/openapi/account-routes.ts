import { z } from 'zod';

import type { Operation } from '../../http/operation';
import { ofBodies, ofTokenRoutes, ofTokenlessRoutes } from '../../http/route-errors';
import type { DocumentedRoute } from './documented-route';

/** The routes of users-permissions that apps use. The plugin describes some of them, and not all correctly. */

const account = z.object({
  id: z.int(),
  documentId: z.string(),
  username: z.string(),
  email: z.string(),
  provider: z.string().nullable(),
  confirmed: z.boolean().nullable(),
  blocked: z.boolean().nullable(),
  createdAt: z.string().meta({ format: 'date-time' }),
  updatedAt: z.string().meta({ format: 'date-time' }),
  publishedAt: z.string().meta({ format: 'date-time' }).nullable(),
});
/** A browser can get the refresh token as a cookie instead. */
const tokens = z.object({ jwt: z.string(), refreshToken: z.string().optional() });
const login = tokens.extend({ user: account });
const email = z.object({ email: z.string() });
const passwords = z.object({ password: z.string(), passwordConfirmation: z.string() });

/** The schemas of these routes, by the name of their component. */
export const accountSchemas = {
  Account: account,
  Login: login,
  // The account must confirm its email first.
  LoginOrAccount: z.union([login, z.object({ user: account })]),
  Tokens: tokens,
  Credentials: z.object({ identifier: z.string(), password: z.string() }),
  Registration: z.object({ username: z.string(), email: z.string(), password: z.string() }),
  Email: email,
  EmailSent: email.extend({ sent: z.literal(true) }),
  PasswordReset: passwords.extend({ code: z.string() }),
  PasswordChange: passwords.extend({ currentPassword: z.string() }),
  RefreshToken: z.object({ refreshToken: z.string() }),
  Logout: z.object({ scope: z.literal('all').optional().describe('Ends all logins of the account.') }),
  Done: z.object({ ok: z.literal(true) }),
};

type SchemaName = keyof typeof accountSchemas;

interface AccountRoute extends Pick<Operation, 'id' | 'summary'> {
  readonly body?: SchemaName;
  readonly json: SchemaName;
  readonly needsLogin?: true;
  readonly takesTokens?: true;
}

const routes: Readonly<Record<string, AccountRoute>> = {
  'POST /auth/local/register': {
    id: 'register',
    summary: 'Create an account',
    body: 'Registration',
    json: 'LoginOrAccount',
  },
  'POST /auth/local': { id: 'logIn', summary: 'Log in', body: 'Credentials', json: 'Login' },
  'POST /auth/refresh': {
    id: 'renewTokens',
    summary: 'Renew the tokens of a login',
    body: 'RefreshToken',
    json: 'Tokens',
  },
  'POST /auth/logout': {
    id: 'logOut',
    summary: 'End a login',
    body: 'Logout',
    json: 'Done',
    needsLogin: true,
  },
  'POST /auth/forgot-password': {
    id: 'forgotPassword',
    summary: 'Ask for a mail to set a new password',
    body: 'Email',
    json: 'Done',
  },
  'POST /auth/reset-password': {
    id: 'resetPassword',
    summary: 'Set a new password by the code of a mail',
    body: 'PasswordReset',
    json: 'Login',
  },
  'POST /auth/change-password': {
    id: 'changePassword',
    summary: 'Change the password',
    body: 'PasswordChange',
    json: 'Login',
    needsLogin: true,
  },
  'POST /auth/send-email-confirmation': {
    id: 'sendEmailConfirmation',
    summary: 'Ask for a mail to confirm the email',
    body: 'Email',
    json: 'EmailSent',
  },
  'GET /users/me': {
    id: 'findMyAccount',
    summary: 'Read the own account',
    json: 'Account',
    needsLogin: true,
    takesTokens: true,
  },
};

export const accountRoutes: readonly DocumentedRoute[] = Object.entries(routes).map(([name, route]) => {
  const [method = '', path = ''] = name.split(' ');
  const { id, summary, body, json, needsLogin = false, takesTokens = false } = route;
  return {
    method: method.toLowerCase(),
    path,
    tag: 'users-permissions',
    isPublic: !needsLogin,
    operation: {
      id,
      summary,
      reply: { json },
      // Strapi sends these without a code.
      statuses: [400, 401, 403, 429],
    },
    codes: [
      ...(['invalid-request', 'database-unavailable', 'internal'] as const),
      ...(body === undefined ? [] : ofBodies),
      ...(needsLogin && !takesTokens ? ofTokenlessRoutes : []),
      ...(takesTokens ? ofTokenRoutes : []),
    ],
    ...(body !== undefined && { body }),
  };
});
