/**
 * The user a request is made for, taken from the JWT and from nowhere else. Everything a user can reach is reached
 * through this.
 */
export interface Owner {
  readonly id: number;
  readonly documentId: string;
  readonly username: string;
  readonly email: string;
}

/**
 * The `user` Dify is told. Dify does not check it, so it is never taken from a client; the documentId says nothing
 * about the person and does not collide between installations that share one Dify app.
 */
export function toUpstreamUser(owner: Pick<Owner, 'documentId'>): string {
  return `user-${owner.documentId}`;
}
