/** A part of a list. */
export interface Range {
  readonly limit: number;
  readonly offset: number;
}

/** Which lines of a session. */
export interface Selection {
  /** Whether those are among them in whose place something else was said since. */
  readonly withSuperseded: boolean;
}

/** Which lines of a session, and which part of them. */
export interface MessageRange extends Range, Selection {
  readonly newestFirst: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
}
