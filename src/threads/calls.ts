// The messages between a worker thread (`server.ts`) and the thread that started it (`caller.ts`).

export interface Call {
  readonly id: number;
  readonly method: string;
  readonly args: readonly unknown[];
  /** Whether the signal has already fired. A thread cannot receive a signal. An `abort` order reports a later abort. */
  readonly isAborted: boolean;
}

export type Order = Call | { readonly abort: number } | 'close';

/** An error is only a code, because messages of a driver can contain passwords, SQL and users' texts. */
export type Answer =
  { readonly id: number; readonly value: unknown } | { readonly id: number; readonly problem: string };

/** A warning that the thread sends without a call. */
export interface Warning {
  readonly warning: string;
}
