import type { Core } from '@strapi/strapi';

import { toPasswordMark } from '../../database/users/login-table';

/** The part of the plugin's user service that this file uses. */
export interface UserService {
  validatePassword(password: string, hash: string): Promise<boolean>;
  edit(id: unknown, changes?: { readonly password?: unknown }): Promise<unknown>;
}

/** The mark of the correct password, by the context of a request. */
const checked = new WeakMap<object, string>();

/**
 * Notes with which correct password a request came. The comparison is slow enough for a change of the password
 * meanwhile. The login that follows must then fail.
 */
export function noteCheckedPassword<T extends UserService>(service: T, strapi: Core.Strapi): T {
  return {
    ...service,
    async validatePassword(password, hash) {
      const isRight = await service.validatePassword(password, hash);
      const request = strapi.requestContext.get();
      if (isRight && request !== undefined) checked.set(request, toPasswordMark(hash));
      return isRight;
    },
    async edit(id, changes) {
      const result = await service.edit(id, changes);
      const request = strapi.requestContext.get();
      // A login with the new password follows.
      if (changes?.password !== undefined && request !== undefined) checked.delete(request);
      return result;
    },
  };
}

/** Returns undefined for a request that compared no password. */
export function checkedPasswordOf(strapi: Core.Strapi): string | undefined {
  const request = strapi.requestContext.get();
  return request === undefined ? undefined : checked.get(request);
}
