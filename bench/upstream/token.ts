/**
 * The text of each `answer`: its number and its time of sending, in digits of fixed length. A client can check every
 * byte of it, in any number of pieces, and compute its delay.
 */
export interface Token {
  readonly index: number;
  readonly sentUs: number;
}

const indexDigits = 7;
const timeDigits = 15;
export const tokenChars = indexDigits + timeDigits + 2;

/** Microseconds of the clock that all processes of this machine share. */
export function nowUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

export function toToken({ index, sentUs }: Token): string {
  return `${String(index).padStart(indexDigits, '0')}@${String(sentUs).padStart(timeDigits, '0')} `;
}

const pattern = new RegExp(`^(\\d{${indexDigits}})@(\\d{${timeDigits}}) $`, 'u');

/** @returns null for anything but exactly one token. */
export function parseToken(text: string): Token | null {
  const [, index, sentUs] = pattern.exec(text) ?? [];
  return index === undefined || sentUs === undefined
    ? null
    : { index: Number(index), sentUs: Number(sentUs) };
}
