import type { Core } from '@strapi/strapi';
import { errors } from '@strapi/utils';

import { AccountTaken } from './account-errors';
import type { Action } from './auth-controller';

/** Returns AUTH_ALLOW_REGISTRATION. The setting of the admin panel counts only if this is true. */
export function isRegistrationOpen(strapi: Core.Strapi): boolean {
  return strapi.config.get<boolean>('plugin::users-permissions.allowRegistration', true);
}

/** Wraps the plugin's registration. The setting can close it, and its errors do not show which name is taken. */
export function createRegistration(strapi: Core.Strapi, register: Action): Action {
  return async (ctx, ...rest) => {
    if (!isRegistrationOpen(strapi))
      throw new errors.ApplicationError('Register action is currently disabled');
    try {
      return await register(ctx, ...rest);
    } catch (error) {
      if (!(error instanceof AccountTaken)) throw error;
      throw new errors.ApplicationError('Email or Username are already taken');
    }
  };
}
