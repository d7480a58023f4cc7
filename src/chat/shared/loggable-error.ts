/** An error whose message may be logged. This application writes it, without passwords, SQL or text of users. */
export class LoggableError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
  }
}
