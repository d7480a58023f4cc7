/** An error whose message is a sentence of ours and may be logged: it holds no password, no SQL and nothing people wrote. */
export class LoggableError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
  }
}
