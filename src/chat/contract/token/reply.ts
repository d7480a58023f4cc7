import { z } from 'zod';

import { tokenScopes, type PersonalToken } from '../../model/owner';
import { dateTime, type Reply } from '../reply';

/** A personal token as the HTTP API shows it. */
export const tokenReply = z
  .object({
    token_id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(tokenScopes)),
    created_at: dateTime,
    expires_at: dateTime.nullable(),
    last_used_at: dateTime.nullable(),
  })
  .meta({ id: 'PersonalToken' });
export type TokenReply = Reply<typeof tokenReply>;

/** The reply to the request that makes a token. No other reply has `token`. */
export const newTokenReply = tokenReply.extend({ token: z.string() });

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
