import { ChatError } from '../errors';
import { LoggableError } from './loggable-error';

/**
 * Logs for the operator: ids, codes and the upstream's own sentences about an error. Never a question, an answer, a
 * prompt or a key.
 */
export interface Log {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Describes an error for the log. Most messages are left out, because they can quote SQL, URLs or texts of users. */
export function describeError(error: unknown): string {
  if (error instanceof ChatError) {
    const cause = error.cause === undefined ? '' : `, ${describeCause(error.cause)}`;
    return `${error.code}${cause}`;
  }
  return describeCause(error);
}

/** Joins the message, which says what to do, and the codes of the error and its cause. */
function describeLoggable({ message, code, cause }: LoggableError): string {
  const codes = cause === undefined ? code : `${code}, ${describeCause(cause)}`;
  return `${message.replace(/\.$/u, '')} (${codes})`;
}

function describeCause(cause: unknown): string {
  if (cause instanceof LoggableError) return describeLoggable(cause);
  if (!(cause instanceof Error))
    return describeNotes(cause) ?? `a thrown value that is not an Error (${typeof cause})`;
  const { code } = cause as NodeJS.ErrnoException;
  const isCode = typeof code === 'string' && /^[\w-]{1,40}$/u.test(code);
  return isCode ? `${cause.name} ${code}` : `${cause.name} ${placeOf(cause)}`;
}

/** The fields that this application sets on a cause. Other fields are not logged: they can hold anything. */
const noteNames = [
  'upstreamStatus',
  'upstreamCode',
  'upstreamMessage',
  'remedy',
  'transportCode',
  'expired',
] as const;

function describeNotes(cause: unknown): string | undefined {
  if (typeof cause !== 'object' || cause === null) return undefined;
  const notes = noteNames
    .filter((name) => name in cause)
    .map((name) => [name, (cause as Record<string, unknown>)[name]]);
  return notes.length === 0 ? undefined : JSON.stringify(Object.fromEntries(notes));
}

/** Returns the first line of the stack that is a place in code. The lines before it are the message. */
function placeOf(error: Error): string {
  return (
    error.stack
      ?.split('\n')
      .find((line) => /^\s+at .+:\d+:\d+\)?$/u.test(line))
      ?.trim() ?? 'at an unknown place'
  );
}
