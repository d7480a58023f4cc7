import { z } from 'zod';

import { schemas } from '../../../chat';
import { writing } from '../../../http/route-errors';
import { userRoute } from '../../../http/user-route';

const { newTokenBody, newTokenReply, tokenReply } = schemas;

/** No personal token makes another one, or shows or ends one. */
const tokenScope = 'none';

export default {
  routes: [
    userRoute('POST', '/chat/tokens', 'token.create', {
      id: 'createToken',
      summary: 'Make a personal token',
      description:
        'A personal token is for a client that cannot renew a JWT. It works like a `jwt`, within its ' +
        'scopes.',
      tokenScope,
      body: newTokenBody,
      reply: { json: z.object({ data: newTokenReply }), status: 201 },
      errors: ['too-many-tokens', ...writing],
    }),
    userRoute('GET', '/chat/tokens', 'token.list', {
      id: 'listTokens',
      summary: 'List own personal tokens',
      description: 'Without their secrets.',
      tokenScope,
      reply: { json: z.object({ data: z.array(tokenReply) }) },
    }),
    userRoute('DELETE', '/chat/tokens/:token_id', 'token.revoke', {
      id: 'revokeToken',
      summary: 'Revoke a personal token',
      description: 'Its next request gets 401. Its open requests and WebSockets end.',
      tokenScope,
      reply: { json: z.object({ data: tokenReply.pick({ token_id: true }) }) },
      errors: ['token-not-found', ...writing],
    }),
  ],
};
