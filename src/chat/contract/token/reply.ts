import { z } from 'zod';

import { tokenScopes, type PersonalToken } from '../../model/owner';
import { dateTime, type Reply } from '../reply';

/** A personal token as the HTTP API shows it. */
export const tokenReply = z
  .object({
    token_id: z.string().describe('Names the token. It is no secret.'),
    name: z.string().describe('Where the token is used, for people.'),
    scopes: z
      .array(z.enum(tokenScopes))
      .describe('`read` allows requests that change nothing. `ask` allows all others of the chat APIs.'),
    created_at: dateTime,
    expires_at: dateTime.nullable().describe('Null if the token does not expire.'),
    last_used_at: dateTime.nullable().describe('Saved at most once an hour.'),
  })
  .meta({ id: 'PersonalToken' });
export type TokenReply = Reply<typeof tokenReply>;

/** The reply to the request that makes a token. No other reply has `token`. */
export const newTokenReply = tokenReply.extend({
  token: z.string().describe('The secret. Only this reply has it: the server stores a digest of it.'),
});

export function toTokenReply(token: PersonalToken): TokenReply {
  return {
    token_id: token.tokenId,
    name: token.name,
    scopes: token.scopes,
    created_at: token.createdAt.toISOString(),
    expires_at: token.expiresAt?.toISOString() ?? null,
    last_used_at: token.lastUsedAt?.toISOString() ?? null,
  };
}
