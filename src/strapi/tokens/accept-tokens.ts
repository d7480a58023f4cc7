import type { Core } from '@strapi/strapi';

import { setTokenLogin } from '../logins/request-token';
import type { JwtService } from '../logins/tied-tokens';
import { checkToken } from './check-token';
import { isPersonalToken } from './token';

/** Accepts valid personal tokens wherever the plugin accepts a JWT. Notes in the context that a request has one. */
export function acceptTokens(service: JwtService, strapi: Core.Strapi): JwtService {
  const accepting: JwtService = {
    ...service,
    verify: (token) => (isPersonalToken(token) ? checkToken(strapi, token) : service.verify(token)),
    async getToken(ctx) {
      const payload = await service.getToken.call(accepting, ctx);
      if (payload?.tokenLogin !== undefined) setTokenLogin(ctx, payload.tokenLogin);
      return payload;
    },
  };
  return accepting;
}
