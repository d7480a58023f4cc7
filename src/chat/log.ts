import { ChatError } from './errors';

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

function describeCause(cause: unknown): string {
  if (cause instanceof Error) {
    const { code } = cause as NodeJS.ErrnoException;
    return code === undefined ? `${cause.name} at ${placeOf(cause)}` : `${cause.name} ${code}`;
  }
  return JSON.stringify(cause);
}

/** The first line of the stack that is a place in code. The lines before it are the message. */
function placeOf(error: Error): string {
  return (
    error.stack
      ?.split('\n')
      .find((line) => /^\s+at .+:\d+:\d+\)?$/u.test(line))
      ?.trim() ?? 'an unknown place'
  );
}
