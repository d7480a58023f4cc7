/**
 * The user who makes the request. It comes only from the JWT. All access to data goes through the owner.
 */
export interface Owner {
  readonly id: number;
  readonly documentId: string;
  readonly username: string;
  readonly email: string;
  /** The locale in which the user reads the texts of characters; null or absent for the default one. */
  readonly locale?: string | null;
}

/**
 * Returns the `user` that the server sends to Dify. Dify does not check it, so it never comes from a client.
 * The documentId reveals nothing about the person. It is unique among installations that share one Dify app.
 */
export function toUpstreamUser(owner: Pick<Owner, 'documentId'>): string {
  return `${upstreamUserPrefix}${owner.documentId}`;
}

/** Before the documentId in what `toUpstreamUser` returns. */
export const upstreamUserPrefix = 'user-';

/** `read` allows requests that change nothing. `ask` allows all other requests of the chat APIs. */
export const tokenScopes = ['read', 'ask'] as const;
export type TokenScope = (typeof tokenScopes)[number];

/** A token that a user has made for a client that cannot renew a JWT. The server does not store its secret. */
export interface PersonalToken {
  readonly tokenId: string;
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  readonly createdAt: Date;
  /** Null if the token does not expire. */
  readonly expiresAt: Date | null;
  /** At most an hour before the real last use. Null if no client has used the token. */
  readonly lastUsedAt: Date | null;
}

/** The part of a token that its user chooses. */
export type TokenRequest = Pick<PersonalToken, 'name' | 'scopes' | 'expiresAt'>;
