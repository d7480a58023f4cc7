import { database } from '../../support/database';
import { seed } from './random';

/** `FAULTS=full` runs everything. Otherwise, a few cases of each kind run as part of `npm test`. */
export const isFull = process.env['FAULTS'] === 'full';

export const scale = (sizes: { readonly full: number; readonly smoke: number }): number =>
  isFull ? sizes.full : sizes.smoke;

/**
 * Describes tests that `npm run check` runs on SQLite only, because others run the same SQL on PostgreSQL. Use it in files
 * that the check runs on both databases. `npm run check:full` runs everything on both.
 */
export const describeOnce = isFull || database === 'sqlite' ? describe : describe.skip;

/** Defines a slow test. `npm run check:full` runs it. In the check, a faster one shows the same. */
export const itInFull = isFull ? it : it.skip;
export const describeInFull = isFull ? describe : describe.skip;

/** Timeout of a test. A test of the full suite runs for minutes. */
export const classTimeoutMs = isFull ? 55 * 60_000 : 60_000;

/** Prints one line of figures for one kind of fault. CONTRIBUTING.md explains them. */
export function report(name: string, figures: Readonly<Record<string, number | string>>): void {
  const text = Object.entries(figures).map(([what, figure]) => `${figure} ${what}`);
  process.stdout.write(`faults · ${database} · seed ${seed} · ${name}: ${text.join(', ')}\n`);
}
