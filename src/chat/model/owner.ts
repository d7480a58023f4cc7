/**
 * The user who makes the request. It comes only from the JWT. All access to data goes through the owner.
 */
export interface Owner {
  readonly id: number;
  readonly documentId: string;
  readonly username: string;
  readonly email: string;
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
