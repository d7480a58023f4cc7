import type { ErrorCode } from 'character-chat-client';

/** What happened, and what the user can do next. */
export interface ErrorSentence {
  readonly happened: string;
  readonly next: string;
}

/** Errors that have no code of the server: found by the page itself, by Strapi, or by a proxy. */
export type OwnCode = 'no-connection' | 'too-many-attempts' | 'unknown' | 'wrong-login' | 'name-taken';

export type ErrorSentences = Readonly<Record<ErrorCode | OwnCode, ErrorSentence>>;
