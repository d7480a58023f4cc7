import { z } from 'zod';

/** What settings are read from: variables of the environment, each a text. */

/** In a `.env` file, `NAME=` means: not set. */
export function withoutBlanks(variables: unknown): unknown {
  if (typeof variables !== 'object' || variables === null) return {};
  return Object.fromEntries(
    Object.entries(variables)
      .map(([name, value]: [string, unknown]) => [name, typeof value === 'string' ? value.trim() : value])
      .filter(([, value]) => value !== '' && value !== undefined),
  );
}

export const count = (fallback: number, max: number, min = 1) =>
  z.coerce
    .number('has to be a whole number')
    .int('has to be a whole number')
    .min(min, `has to be at least ${min}`)
    .max(max, `can be at most ${max}`)
    .default(fallback);
