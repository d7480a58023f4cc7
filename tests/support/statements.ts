import { holdsWithin } from './until';
import type { App } from './app';

/** Makes knex log every SQL statement of an application, without its values. */
export const writingStatements = { DEBUG: 'knex:query' };

let marks = 0;

/**
 * Returns the SQL statements that the process runs during a request, in order. They can include background work, e.g.
 * the copy of an ended turn to the history.
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
 * Sends the request three times and returns the fewest SQL statements. More statements come from background work.
 * @param isCounted selects the statements that count.
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

/** Waits for the log line of a marker request. All output from before the marker has then arrived, too. */
async function mark(app: App): Promise<void> {
  marks += 1;
  const line = `GET /mark-${marks} `;
  await app.anonymous.get(`/mark-${marks}`);
  if (!(await holdsWithin(20_000, () => app.output().includes(line))))
    throw new Error(`not written: ${line}`);
}
