import type { ErrorSentences } from './types';

export const errorsInEnglish: ErrorSentences = {
  'invalid-request': { happened: 'The server did not accept this.', next: 'Change it, and try again.' },
  'character-not-found': {
    happened: 'This character is no longer available.',
    next: 'Choose another character.',
  },
  'character-without-prompt': {
    happened: 'This character is not ready to answer.',
    next: 'Choose another character, or tell the operator.',
  },
  unauthorized: { happened: 'You are not logged in.', next: 'Log in, and try again.' },
  'login-ended': { happened: 'Your login has ended.', next: 'Log in again. The answer is saved.' },
  'not-yourself': { happened: 'This belongs to another account.', next: 'Log in with the right account.' },
  forbidden: { happened: 'Your account may not do this.', next: 'Ask the operator for the right.' },
  'token-scope': { happened: 'This personal token may not do this.', next: 'Use a token with more rights.' },
  'token-not-allowed': { happened: 'A personal token may not do this.', next: 'Log in with your password.' },
  'token-not-found': { happened: 'This personal token does not exist.', next: 'Reload the list of tokens.' },
  'too-many-tokens': { happened: 'You have as many personal tokens as allowed.', next: 'Revoke one first.' },
  'session-not-found': {
    happened: 'This conversation does not exist, or was deleted.',
    next: 'Start a new conversation.',
  },
  'turn-not-found': {
    happened: 'This answer does not exist, or was deleted.',
    next: 'Reload the conversation.',
  },
  'conversation-not-found': {
    happened: 'This conversation is not in the history.',
    next: 'Reload the list.',
  },
  'message-not-found': {
    happened: 'This message does not exist, or was deleted.',
    next: 'Reload the conversation.',
  },
  'file-not-found': {
    happened: 'This file does not exist, or its link has expired.',
    next: 'Reload the conversation for a new link.',
  },
  'upgrade-required': { happened: 'The connection was not made as expected.', next: 'Reload the page.' },
  'too-many-connections': {
    happened: 'You have too many open connections.',
    next: 'Close other tabs, and try again.',
  },
  'idempotency-key-reused': {
    happened: 'This question was mixed up with another one.',
    next: 'Send it again.',
  },
  'payload-too-large': { happened: 'This is too large.', next: 'Send a shorter text or a smaller file.' },
  'unsupported-media-type': {
    happened: 'The server does not take files of this type.',
    next: 'Choose another file.',
  },
  'turn-in-progress': {
    happened: 'The previous question is still being answered.',
    next: 'Wait for the answer, or stop it.',
  },
  'too-many-turns': {
    happened: 'Too many of your questions are being answered.',
    next: 'Wait for an answer, or stop one.',
  },
  'rate-limited': {
    happened: 'You have asked many questions in a short time.',
    next: 'Wait a moment, and try again.',
  },
  'token-limit-reached': {
    happened: 'You have used the tokens of your daily limit.',
    next: 'Try again tomorrow.',
  },
  'too-many-reads': {
    happened: 'Too many of your lists and searches are running.',
    next: 'Wait a moment, and try again.',
  },
  'text-limit-reached': {
    happened: 'You have used the characters of your daily limit.',
    next: 'Try again tomorrow.',
  },
  'answer-too-long': {
    happened: 'The answer grew too long and was cut off.',
    next: 'Ask for a shorter answer.',
  },
  'upstream-rejected': {
    happened: 'The answering service did not accept this question.',
    next: 'Change the question, and try again.',
  },
  'upstream-conversation-gone': {
    happened: 'The answering service no longer knows this conversation.',
    next: 'Start a new conversation.',
  },
  'upstream-misconfigured': {
    happened: 'The answering service is not set up correctly.',
    next: 'Tell the operator.',
  },
  'upstream-model-unavailable': {
    happened: 'The answering service may not use its model.',
    next: 'Tell the operator.',
  },
  'upstream-failed': { happened: 'The answering service failed while answering.', next: 'Try again.' },
  'upstream-unreachable': { happened: 'The answering service cannot be reached.', next: 'Try again later.' },
  'upstream-malformed': {
    happened: 'The answering service sent something that is not an answer.',
    next: 'Try again, or tell the operator.',
  },
  'upstream-interrupted': {
    happened: 'The answer broke off before its end.',
    next: 'The text so far is saved. Ask again.',
  },
  'upstream-busy': { happened: 'The answering service is busy.', next: 'Wait a moment, and try again.' },
  'upstream-quota-exceeded': {
    happened: 'The answering service has used up its quota.',
    next: 'Tell the operator.',
  },
  'upstream-timeout': { happened: 'The answering service took too long.', next: 'Try again later.' },
  'database-unavailable': {
    happened: 'The server cannot reach its database.',
    next: 'Wait a moment, and try again.',
  },
  'read-timeout': {
    happened: 'Reading this took too long.',
    next: 'Search for a longer text, or try again later.',
  },
  'history-unavailable': {
    happened: 'The history cannot be reached.',
    next: 'Try again later. The chat works.',
  },
  'server-busy': {
    happened: 'The server answers as many questions as it can.',
    next: 'Wait a moment, and try again.',
  },
  'server-stopping': { happened: 'The server is restarting.', next: 'Wait a moment, and try again.' },
  'process-died': {
    happened: 'The server stopped while it answered.',
    next: 'The text so far is saved. Ask again.',
  },
  internal: { happened: 'Something went wrong on the server.', next: 'Try again later.' },
  'no-connection': {
    happened: 'The server cannot be reached.',
    next: 'Check your connection, and try again.',
  },
  'too-many-attempts': {
    happened: 'There were too many attempts in a short time.',
    next: 'Wait a minute, and try again.',
  },
  'wrong-login': { happened: 'The name or the password is wrong.', next: 'Check both, and try again.' },
  'name-taken': {
    happened: 'This email or username is already taken.',
    next: 'Choose another one, or log in.',
  },
  'wrong-password': { happened: 'The current password is wrong.', next: 'Check it, and try again.' },
  'weak-password': { happened: 'The new password is too short.', next: 'Choose a longer one.' },
  'long-password': { happened: 'The new password is too long.', next: 'Choose one of at most 72 bytes.' },
  'same-password': { happened: 'The new password is the current one.', next: 'Choose another one.' },
  'wrong-reset-code': {
    happened: 'The link was used already, or a newer mail was sent.',
    next: 'Open the newest mail, or ask for a new one.',
  },
  'wrong-email': { happened: 'This is no email address.', next: 'Check it, and try again.' },
  'not-confirmed': {
    happened: 'The email of this account is not confirmed.',
    next: 'Open the link in the mail that we have sent you.',
  },
  'account-blocked': { happened: 'The operator has blocked this account.', next: 'Contact the operator.' },
  'registration-closed': {
    happened: 'Nobody can register here at the moment.',
    next: 'Ask the operator for an account.',
  },
  unknown: { happened: 'Something went wrong.', next: 'Try again later.' },
};
