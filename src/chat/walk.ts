import type { After } from './session-access';

/** Few enough to be held in memory, whatever their length, and enough that the database is not asked too often. */
const pageSize = 100;

/**
 * Everything `read` has after `start.id`, page by page, at most `start.limit` in all. The next page is read when it is
 * asked for: whoever takes slowly holds one page, whoever leaves costs nothing more.
 */
export async function* walk<T extends { readonly id: number }>(
  read: (after: After) => Promise<readonly T[]>,
  start: After,
): AsyncGenerator<readonly T[], void> {
  let { id, limit } = start;
  while (limit > 0) {
    const wanted = Math.min(limit, pageSize);
    const page = await read({ id, limit: wanted });
    if (page.length > 0) yield page;
    if (page.length < wanted) return;
    id = page.at(-1)?.id ?? id;
    limit -= page.length;
  }
}
