import { holdsWithin } from './until';
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

/**
 * The process has other things to do now and then: the fewest of three times are the request's own.
 * @param isCounted of which statements.
 */
export async function fewestStatementsOf(
  app: App,
  request: () => Promise<unknown>,
  isCounted: (statement: string) => boolean = () => true,
): Promise<string[]> {
  const times: string[][] = [];
  for (let time = 0; time < 3; time += 1) times.push((await statementsOf(app, request)).filter(isCounted));
  return times.reduce((fewest, statements) => (statements.length < fewest.length ? statements : fewest));
}

/** A reply can be here before what was written on the way to it: what was written before the mark is here after it. */
async function mark(app: App): Promise<void> {
  marks += 1;
  const line = `GET /mark-${marks} `;
  await app.anonymous.get(`/mark-${marks}`);
  if (!(await holdsWithin(20_000, () => app.output().includes(line))))
    throw new Error(`not written: ${line}`);
}
