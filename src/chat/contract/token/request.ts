import { z } from 'zod';

import { tokenScopes, type TokenRequest } from '../../model/owner';
import { isBlank } from '../../shared/blank-text';
import { boundedText } from '../bounded';
import { parse } from '../invalid-request';

const isNoScope = `must be ${tokenScopes.join(' or ')}`;

export const newTokenBody = z.object(
  {
    data: z.object(
      {
        name: boundedText(z.string('must be text'), 100)
          .refine((text) => !isBlank(text), 'is empty')
          .transform((text) => text.trim())
          .describe('Where the token is used. At most 100 characters.'),
        scopes: z
          .array(z.enum(tokenScopes, isNoScope), 'must be a list')
          .min(1, 'must name at least one scope')
          .max(tokenScopes.length, 'names a scope twice')
          .describe('`read` allows requests that change nothing. `ask` allows all others of the chat APIs.'),
        expires_at: z.iso
          .datetime({ offset: true, error: 'must be a time, e.g. 2027-01-31T00:00:00Z' })
          .transform((text) => new Date(text))
          .refine((time) => time.getTime() > Date.now(), 'must be in the future')
          .nullish()
          .describe('A time in the future, with a time zone. Without it, the token does not expire.'),
      },
      'must be {"name": …, "scopes": […]}',
    ),
  },
  'must be {"data": …}',
);

/** Parses `{ "data": { "name", "scopes", "expires_at"? } }`. @throws ChatError `invalid-request` */
export function parseNewToken(body: unknown): TokenRequest {
  const { name, scopes, expires_at } = parse(newTokenBody, body).data;
  return {
    name,
    scopes: tokenScopes.filter((scope) => scopes.includes(scope)),
    expiresAt: expires_at ?? null,
  };
}
