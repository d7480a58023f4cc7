import type { Core } from '@strapi/strapi';

import { toPasswordMark } from '../../database/users/login-table';

/** The plugin's service of users, as far as it concerns us. */
export interface UserService {
  validatePassword(password: string, hash: string): Promise<boolean>;
  edit(id: unknown, changes?: { readonly password?: unknown }): Promise<unknown>;
}

/** By the context of a request: the mark of the password that it was found right with. */
const checked = new WeakMap<object, string>();

/**
 * Notes which password a request was found right with. Comparing takes long enough for the password to be changed
 * meanwhile: the login that follows must not count then.
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
      // What follows is a login with the new one.
      if (changes?.password !== undefined && request !== undefined) checked.delete(request);
      return result;
    },
  };
}

/** Undefined for a request that compared none. */
export function checkedPasswordOf(strapi: Core.Strapi): string | undefined {
  const request = strapi.requestContext.get();
  return request === undefined ? undefined : checked.get(request);
}
