/** What goes between a thread and the one that started it. Both sides: `caller.ts` and `server.ts`. */

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  /** A signal does not cross: whether it has fired does, and later that it has. */
  readonly isAborted: boolean;
}

export type Order = Call | { readonly abort: number } | 'close';

/** Of a problem its code alone: what a driver says can hold passwords, SQL and what people wrote. */
export type Answer =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly problem: string };

/** Comes unasked. */
export interface Warning {
  readonly warning: string;
}
