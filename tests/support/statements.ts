import { holdsWithin } from '../faults/support/side-by-side';
import type { App } from './app';

/** For an application whose statements are looked at: knex then writes each, without its values. */
export const writingStatements = { DEBUG: 'knex:query' };

let marks = 0;

/**
 * The statements the process runs while it replies to a request, in their order. Among them can be those of its other
 * work: of copying an ended turn to the history, say.
 */
export async function statementsOf(app: App, request: () => Promise<unknown>): Promise<string[]> {
  await mark(app);
  const before = app.output().length;
  await request();
  await mark(app);
  return (
    app
      .output()
      .slice(before)
      .match(/knex:query .*/gu) ?? []
  );
}

/** A reply can be here before what was written on the way to it: what was written before the mark is here after it. */
async function mark(app: App): Promise<void> {
  marks += 1;
  const line = `GET /mark-${marks} `;
  await app.anonymous.get(`/mark-${marks}`);
  if (!(await holdsWithin(20_000, () => app.output().includes(line))))
    throw new Error(`not written: ${line}`);
}
