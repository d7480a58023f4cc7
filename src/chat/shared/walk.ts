/** The approximate characters of a page. Every reader can hold so few in memory, whatever the length of an item. */
const pageChars = 200_000;
const firstRows = 20;
const maxRows = 200;

/**
 * Yields all items of `read` after `start.id` in pages, at most `start.limit` items. It reads a page only when the
 * consumer asks for it. So a slow consumer holds one page. Pages of long items have fewer items.
 * @param charsOf the approximate length of an item, in characters.
 */
export async function* walk<T extends { readonly id: number }>(
  read: (after: After) => Promise<readonly T[]>,
  start: After,
  charsOf: (item: T) => number,
): AsyncGenerator<readonly T[], void> {
  let { id, limit } = start;
  let size = firstRows;
  while (limit > 0) {
    const wanted = Math.min(limit, size);
    const page = await read({ id, limit: wanted });
    if (page.length > 0) yield page;
    if (page.length < wanted) return;
    id = page.at(-1)?.id ?? id;
    limit -= page.length;
    const chars = page.reduce((sum, item) => sum + charsOf(item), 0);
    const fitting = Math.floor((page.length * pageChars) / Math.max(chars, 1));
    size = Math.max(1, Math.min(fitting, 2 * size, maxRows));
  }
}

/** A part of a list in the order of ids. It skips and repeats nothing while items are added and deleted. */
export interface After {
  readonly id: number;
  readonly limit: number;
}
