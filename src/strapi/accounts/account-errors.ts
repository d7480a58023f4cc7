import { errors } from '@strapi/utils';

type Field = 'username' | 'email';

/** The plugin's own sentences of its other checks. */
const sentences = { username: 'Username already taken', email: 'Email already taken' } as const;

/** A username or an email that another account has. Strapi answers 400. */
export class AccountTaken extends errors.ApplicationError<'ApplicationError', string, { field: Field }> {
  constructor(field: Field, documentId?: unknown) {
    super(`${sentences[field]}${nameOf(documentId)}`, { field });
  }
}

/** An import names the account that it stops at. */
function nameOf(documentId: unknown): string {
  return typeof documentId === 'string' ? ` (user ${documentId})` : '';
}

/** A username that would lock the owner of an email address out. Strapi answers 400. */
export class ForeignAddress extends errors.ApplicationError<'ApplicationError', string, { field: Field }> {
  constructor(documentId?: unknown) {
    const sentence = 'Username must not be an email address other than that of the account';
    super(`${sentence}${nameOf(documentId)}`, { field: 'username' });
  }
}
