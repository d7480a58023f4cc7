import { z } from 'zod';

import { schemas } from '../../chat';
import type { Operation } from '../../http/operation';
import { ofBodies, ofTokenRoutes, ofTokenlessRoutes } from '../../http/route-errors';
import type { DocumentedRoute } from './documented-route';

/** The routes of users-permissions that apps use. The plugin describes some of them, and not all correctly. */

const { dateTime } = schemas;

const account = z.object({
  id: z.int().describe('The numeric id of the account.'),
  documentId: z.string().describe('The id of the account that an import keeps.'),
  username: z.string().describe('Unique. Two names are equal if they differ only in case or width.'),
  email: z.string().describe('The email address.'),
  provider: z.string().nullable().describe('`local` for an account with a password.'),
  confirmed: z.boolean().nullable().describe('Whether its owner has confirmed the email.'),
  blocked: z.boolean().nullable().describe('Whether an administrator has blocked it.'),
  createdAt: dateTime,
  updatedAt: dateTime,
  publishedAt: dateTime.nullable().describe("Strapi's own field."),
});
/** A browser can get the refresh token as a cookie instead. */
const tokens = z.object({
  jwt: z
    .string()
    .describe('The access token: send it as `Authorization: Bearer <jwt>`. It is valid for an hour.'),
  refreshToken: z
    .string()
    .optional()
    .describe('Works once, to renew the tokens. Store the new one each time.'),
});
const login = tokens.extend({ user: account.describe('The account.') });
const email = z.object({ email: z.string().describe('The email address of the account.') });
const newPassword = z
  .string()
  .describe('At least 8 characters, unless the operator sets another minimum; at most 72 bytes.');
const passwords = z.object({
  password: newPassword,
  passwordConfirmation: z.string().describe('The same password again.'),
});

/** The schemas of these routes, by the name of their component. */
export const accountSchemas = {
  Account: account,
  // With `fields`, it has these and the ids only.
  OwnAccount: account.partial().required({ id: true, documentId: true }),
  Login: login,
  // The account must confirm its email first.
  LoginOrAccount: z.union([login, z.object({ user: account.describe('The account.') })]),
  Tokens: tokens,
  Credentials: z.object({
    identifier: z.string().describe('The email or the username. Case does not matter.'),
    password: z.string().describe('The password.'),
  }),
  Registration: z.object({
    username: z.string().describe('An email address as a name must be the own email.'),
    email: z.string().describe('An email address that no other account has.'),
    password: newPassword,
  }),
  Email: email,
  EmailSent: email.extend({ sent: z.literal(true) }),
  PasswordReset: passwords.extend({ code: z.string().describe('The code of the mail.') }),
  PasswordChange: passwords.extend({ currentPassword: z.string().describe('The password so far.') }),
  RefreshToken: z.object({
    refreshToken: z
      .string()
      .optional()
      .describe('The newest refresh token of the login. Left out by a page that has it in a cookie.'),
  }),
  Logout: z.object({ scope: z.literal('all').optional().describe('Ends all logins of the account.') }),
  Done: z.object({ ok: z.literal(true) }),
};

type SchemaName = keyof typeof accountSchemas;

interface AccountRoute extends Pick<Operation, 'id' | 'summary' | 'description'> {
  readonly body?: SchemaName;
  readonly json: SchemaName;
  readonly needsLogin?: true;
  readonly takesTokens?: true;
}

const routes: Readonly<Record<string, AccountRoute>> = {
  'POST /auth/local/register': {
    id: 'register',
    summary: 'Create an account',
    description:
      'Returns a login, unless the account must confirm its email first. Each address has a limited number of ' +
      'attempts per minute. The operator can close registration.',
    body: 'Registration',
    json: 'LoginOrAccount',
  },
  'POST /auth/local': {
    id: 'logIn',
    summary: 'Log in',
    description:
      'A page that wants the refresh token in a cookie sends `x-strapi-refresh-cookie: httpOnly`, here and with all ' +
      'requests below `/api/auth`.',
    body: 'Credentials',
    json: 'Login',
  },
  'POST /auth/refresh': {
    id: 'renewTokens',
    summary: 'Renew the tokens of a login',
    description:
      'Each refresh token works once. A second use ends the login, because another person may have it.',
    body: 'RefreshToken',
    json: 'Tokens',
  },
  'POST /auth/logout': {
    id: 'logOut',
    summary: 'End a login',
    description: 'Its tokens stop working. Open requests of the login end within five seconds.',
    body: 'Logout',
    json: 'Done',
    needsLogin: true,
  },
  'POST /auth/forgot-password': {
    id: 'forgotPassword',
    summary: 'Ask for a mail to set a new password',
    description: 'The reply is the same whether or not the account exists.',
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
    description: 'Ends all other logins of the account. The reply has new tokens.',
    body: 'PasswordChange',
    json: 'Login',
    needsLogin: true,
  },
  'POST /auth/send-email-confirmation': {
    id: 'sendEmailConfirmation',
    summary: 'Ask for a mail to confirm the email',
    description: 'The reply is the same whether or not the account exists.',
    body: 'Email',
    json: 'EmailSent',
  },
  'GET /users/me': {
    id: 'findMyAccount',
    summary: 'Read the own account',
    description: 'With `fields`, the reply has these fields and the ids only.',
    json: 'OwnAccount',
    needsLogin: true,
    takesTokens: true,
  },
};

export const accountRoutes: readonly DocumentedRoute[] = Object.entries(routes).map(([name, route]) => {
  const [method = '', path = ''] = name.split(' ');
  const { id, summary, description, body, json, needsLogin = false, takesTokens = false } = route;
  return {
    method: method.toLowerCase(),
    path,
    tag: 'users-permissions',
    isPublic: !needsLogin,
    operation: {
      id,
      summary,
      ...(description !== undefined && { description }),
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
