/** Of a page, about: few enough characters to hold for each reader, whatever the length of an item. */
const pageChars = 200_000;
const firstRows = 20;
const maxRows = 200;

/**
 * Everything `read` has after `start.id`, page by page, at most `start.limit` in all. The next page is read when it is
 * asked for: whoever takes slowly holds one page, whoever leaves costs nothing more. Long items come in smaller pages.
 * @param charsOf about how long an item is.
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

/** A part of a list that is walked by `Message.id`: nothing is skipped or repeated while lines come and go. */
export interface After {
  readonly id: number;
  readonly limit: number;
}
