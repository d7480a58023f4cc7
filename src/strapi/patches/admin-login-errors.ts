import type { Core } from '@strapi/strapi';

import { describeError } from '../../chat';

interface AdminAuth {
  checkCredentials(credentials: unknown): Promise<unknown>;
  forgotPassword(request: { readonly email: string }): Promise<unknown>;
}

interface AuthenticationController {
  forgotPassword(ctx: unknown): Promise<void>;
}

type Sessions = ReturnType<Core.Strapi['sessionManager']>;

/**
 * Keeps the errors that Strapi's login of administrators hides. It answers each one with 500 or 501, so a client cannot
 * see that the database is unavailable. `global::chat-errors` answers by the kept error. Strapi also does not wait for
 * the mail of a forgotten password, and does not handle its errors.
 */
export function keepAdminLoginErrors(strapi: Core.Strapi): void {
  const auth = strapi.service('admin::auth') as unknown as AdminAuth;
  const { checkCredentials, forgotPassword } = auth;
  auth.checkCredentials = (credentials) => keeping(strapi, () => checkCredentials(credentials));
  auth.forgotPassword = (request) =>
    forgotPassword(request).catch((error: unknown) =>
      strapi.log.error(`The mail to reset a password was not sent: ${describeError(error)}`),
    );

  const controller = strapi.controller('admin::authentication') as unknown as AuthenticationController;
  const answer = controller.forgotPassword.bind(controller);
  controller.forgotPassword = async (ctx) => {
    // Fails while the database is unavailable, before Strapi replies that it sends the mail.
    await strapi.db.query('admin::user').findOne({ select: ['id'] });
    await answer(ctx);
  };

  const sessionManager = new Proxy(strapi.sessionManager, {
    apply: (manager, _this, [origin]: [string]) => keepErrorsOf(strapi, manager(origin)),
  });
  Object.defineProperty(strapi, 'sessionManager', { configurable: true, value: sessionManager });
}

function keepErrorsOf(strapi: Core.Strapi, sessions: Sessions): Sessions {
  const overrides: Partial<Sessions> = {
    generateRefreshToken: (...given) => keeping(strapi, () => sessions.generateRefreshToken(...given)),
    invalidateRefreshToken: (...given) => keeping(strapi, () => sessions.invalidateRefreshToken(...given)),
    rotateRefreshToken: (...given) => keeping(strapi, () => sessions.rotateRefreshToken(...given)),
    generateAccessToken: (...given) => keeping(strapi, () => sessions.generateAccessToken(...given)),
  };
  return Object.assign(Object.create(sessions) as Sessions, overrides);
}

/** Runs `work`. If it fails, the current request keeps the error. */
async function keeping<T>(strapi: Core.Strapi, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const ctx = strapi.requestContext.get();
    if (ctx !== undefined) ctx.state['hiddenError'] = error;
    throw error;
  }
}
