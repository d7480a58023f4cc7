import { errors } from '@strapi/utils';

type Field = 'username' | 'email';

/** The sentences of the plugin's other checks. */
const sentences = { username: 'Username already taken', email: 'Email already taken' } as const;

/** Reports a username or an email that another account has. Strapi replies with 400. */
export class AccountTaken extends errors.ApplicationError<'ApplicationError', string, { field: Field }> {
  constructor(field: Field, documentId?: unknown) {
    super(`${sentences[field]}${nameOf(documentId)}`, { field });
  }
}

/** Names the account at which an import stops. */
function nameOf(documentId: unknown): string {
  return typeof documentId === 'string' ? ` (user ${documentId})` : '';
}

/** Reports a username that would lock out the owner of an email address. Strapi replies with 400. */
export class ForeignAddress extends errors.ApplicationError<'ApplicationError', string, { field: Field }> {
  constructor(documentId?: unknown) {
    const sentence = 'Username must not be an email address other than that of the account';
    super(`${sentence}${nameOf(documentId)}`, { field: 'username' });
  }
}
