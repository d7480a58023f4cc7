/** A part of a list. */
export interface Range {
  readonly limit: number;
  readonly offset: number;
}

/** Selects lines of a session. */
export interface Selection {
  /** Whether to include superseded lines. */
  readonly withSuperseded: boolean;
}

/** Selects lines of a session, and a part of them. */
export interface MessageRange extends Range, Selection {
  readonly newestFirst: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
}
