import { createHash, randomBytes } from 'node:crypto';

/** The form of a personal token. It has no dots, unlike a JWT, and is not hexadecimal, unlike Strapi's API tokens. */
const form = /^cct_[\w-]{43}$/u;

export const isPersonalToken = (token: string): boolean => form.test(token);

/** Returns a new token, which only its user knows. */
export const newSecret = (): string => `cct_${randomBytes(32).toString('base64url')}`;

/** Returns the form in which the server stores a token. Nobody can guess a token, so a fast digest is enough. */
export const digestOf = (token: string): string => createHash('sha256').update(token).digest('hex');
