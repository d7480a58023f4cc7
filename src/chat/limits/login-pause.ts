const minutes = 60_000;

/** A process that has claimed a try for longer than this is dead. The requests of a try end earlier. */
export const loginClaimMs = minutes;

/**
 * An upstream can lock an account for 24 hours after five refused logins, and a proxy can hide a refusal. So at most
 * four tries in a row fail within that time.
 */
export const maxLoginTries = 4;

const pausesMs = [5 * minutes, 20 * minutes, 80 * minutes];
export const longestLoginPauseMs = 24 * 60 * minutes;

/** Returns the pause after this number of failed tries in a row. */
export function loginPauseMs(tries: number): number {
  return tries < maxLoginTries ? (pausesMs[tries - 1] ?? 0) : longestLoginPauseMs;
}
