import { ApiError, NetworkError } from 'character-chat-client';

import { language, type Language } from '..';
import { errorsInEnglish } from './en';
import type { ErrorSentence, ErrorSentences, OwnCode } from './types';
import { errorsInChinese } from './zh';

export const errorSentences: Readonly<Record<Language, ErrorSentences>> = {
  en: errorsInEnglish,
  zh: errorsInChinese,
};

/** Errors of Strapi that have no code, by the beginning of their message. */
const messagesOfStrapi: readonly (readonly [message: string, code: OwnCode])[] = [
  ['Invalid identifier or password', 'wrong-login'],
  ['Email or Username are already taken', 'name-taken'],
  ['The provided current password is invalid', 'wrong-password'],
  ['Password must be at least', 'weak-password'],
  ['Password must be less than', 'long-password'],
  ['Your new password must be different', 'same-password'],
  ['Incorrect code provided', 'wrong-reset-code'],
  ['email must be a valid email', 'wrong-email'],
  ['Your account email is not confirmed', 'not-confirmed'],
  ['Your account has been blocked', 'account-blocked'],
  ['Register action is currently disabled', 'registration-closed'],
];

/** Says in the language of the user what happened, and what to do next. */
export const textOf = (error: unknown) => textOfCode(codeOf(error));

/** Does the same for a code. An unknown one is of a later version of the server. */
export function textOfCode(code: string): string {
  const { happened, next } = sentenceOf(code);
  // Chinese has no space between sentences.
  return language.value === 'zh' ? `${happened}${next}` : `${happened} ${next}`;
}

function sentenceOf(code: string): ErrorSentence {
  const sentences = errorSentences[language.value];
  return Object.hasOwn(sentences, code) ? sentences[code as keyof ErrorSentences] : sentences.unknown;
}

function codeOf(error: unknown): string {
  if (error instanceof NetworkError) return 'no-connection';
  if (!(error instanceof ApiError)) return 'unknown';
  if (error.code !== null) return error.code;
  const known = messagesOfStrapi.find(([message]) => error.message.startsWith(message));
  if (known !== undefined) return known[1];
  return (
    { 401: 'unauthorized', 403: 'forbidden', 413: 'payload-too-large', 429: 'too-many-attempts' }[
      error.status
    ] ?? 'unknown'
  );
}
