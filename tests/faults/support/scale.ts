import { database } from '../../support/database';
import { seed } from './random';

/** `FAULTS=full` runs everything; otherwise a few of each kind, as a part of `npm test`. */
export const isFull = process.env['FAULTS'] === 'full';

export const scale = (sizes: { readonly full: number; readonly smoke: number }): number =>
  isFull ? sizes.full : sizes.smoke;

/** For `it`: a full class runs for minutes. */
export const classTimeoutMs = isFull ? 55 * 60_000 : 60_000;

/** One line of figures for one class of faults. Read it with CONTRIBUTING.md. */
export function report(name: string, figures: Readonly<Record<string, number | string>>): void {
  const text = Object.entries(figures).map(([what, figure]) => `${figure} ${what}`);
  process.stdout.write(`faults · ${database} · seed ${seed} · ${name}: ${text.join(', ')}\n`);
}
