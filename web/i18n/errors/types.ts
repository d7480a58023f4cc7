import type { ErrorCode } from 'character-chat-client';

/** What happened, and what the user can do next. */
export interface ErrorSentence {
  readonly happened: string;
  readonly next: string;
}

/** Errors that have no code of the server: found by the page itself, by Strapi, or by a proxy. */
export type OwnCode = 'no-connection' | 'too-many-attempts' | 'unknown' | AccountCode;

/** Errors of the account routes, which Strapi sends without a code. */
export type AccountCode =
  | 'wrong-login'
  | 'name-taken'
  | 'wrong-password'
  | 'weak-password'
  | 'long-password'
  | 'same-password'
  | 'wrong-reset-code'
  | 'wrong-email'
  | 'not-confirmed'
  | 'account-blocked'
  | 'registration-closed';

export type ErrorSentences = Readonly<Record<ErrorCode | OwnCode, ErrorSentence>>;
