import { ChatError } from '../errors';
import { LoggableError } from './loggable-error';

/** Where the core says what an operator should know: ids and codes, never question, answer, prompt, key or upstream text. */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** An error in words that may be logged: codes and numbers only, since a message can quote SQL, URLs or upstream text. */
export function describeError(error: unknown): string {
  if (error instanceof ChatError) {
    const cause = error.cause === undefined ? '' : `, ${describeCause(error.cause)}`;
    return `${error.code}${cause}`;
  }
  return describeCause(error);
}

/** The message says what to do; the codes say what the database answered. */
function describeLoggable({ message, code, cause }: LoggableError): string {
  const codes = cause === undefined ? code : `${code}, ${describeCause(cause)}`;
  return `${message.replace(/\.$/u, '')} (${codes})`;
}

function describeCause(cause: unknown): string {
  if (cause instanceof LoggableError) return describeLoggable(cause);
  if (!(cause instanceof Error))
    return describeNotes(cause) ?? `something thrown that is no error (${typeof cause})`;
  const { code } = cause as NodeJS.ErrnoException;
  const isCode = typeof code === 'string' && /^[\w-]{1,40}$/u.test(code);
  return isCode ? `${cause.name} ${code}` : `${cause.name} ${placeOf(cause)}`;
}

/** What our own errors note of their cause. Nothing else of an object is told: it could be anything. */
const noteNames = ['upstreamStatus', 'upstreamCode', 'transportCode', 'expired'] as const;

function describeNotes(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null) return undefined;
  const notes = noteNames
    .filter((name) => name in cause)
    .map((name) => [name, (cause as Record<string, unknown>)[name]]);
  return notes.length === 0 ? undefined : JSON.stringify(Object.fromEntries(notes));
}

/** The first line of the stack that is a place in code. The lines before it are the message. */
function placeOf(error: Error): string {
  return (
    error.stack
      ?.split('\n')
      .find((line) => /^\s+at .+:\d+:\d+\)?$/u.test(line))
      ?.trim() ?? 'at an unknown place'
  );
}
