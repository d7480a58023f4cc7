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
      tokenScope,
      body: newTokenBody,
      reply: { json: z.object({ data: newTokenReply }), status: 201 },
      errors: ['too-many-tokens', ...writing],
    }),
    userRoute('GET', '/chat/tokens', 'token.list', {
      id: 'listTokens',
      summary: 'List own personal tokens',
      tokenScope,
      reply: { json: z.object({ data: z.array(tokenReply) }) },
    }),
    userRoute('DELETE', '/chat/tokens/:token_id', 'token.revoke', {
      id: 'revokeToken',
      summary: 'Revoke a personal token',
      tokenScope,
      reply: { json: z.object({ data: tokenReply.pick({ token_id: true }) }) },
      errors: ['token-not-found', ...writing],
    }),
  ],
};
