/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** How many there are in all, where the server counts them. */
  readonly total: number | null;
}

/** A list that is read page by page. `for await` over it yields its items. Each loop starts at the first page. */
export interface List<T> extends AsyncIterable<T> {
  pages(): AsyncGenerator<Page<T>, void>;
}

/** What all lists take. */
export interface ListOptions {
  /** Items of one page, at most 100. */
  readonly pageSize?: number;
  readonly signal?: AbortSignal;
}

/** A page, and where the next one begins: null after the last page. */
export interface LoadedPage<T, Position> extends Page<T> {
  readonly next: Position | null;
}

export function createList<T, Position>(
  first: Position,
  load: (position: Position) => Promise<LoadedPage<T, Position>>,
): List<T> {
  async function* pages(): AsyncGenerator<Page<T>, void> {
    for (let position: Position | null = first; position !== null;) {
      const { items, total, next }: LoadedPage<T, Position> = await load(position);
      yield { items, total };
      position = next;
    }
  }
  return {
    pages,
    async *[Symbol.asyncIterator]() {
      for await (const { items } of pages()) yield* items;
    },
  };
}

/** For lists with numbered pages. New items move others to the next page, so `keyOf` leaves out repeated ones. */
export function createNumberedList<T>(
  load: (page: number) => Promise<Page<T> & { readonly isLast: boolean }>,
  keyOf: (item: T) => string | number,
): List<T> {
  return {
    pages() {
      const seen = new Set<string | number>();
      const list = createList(1, async (page: number) => {
        const { items, total, isLast } = await load(page);
        const unseen = items.filter((item) => !seen.has(keyOf(item)));
        for (const item of unseen) seen.add(keyOf(item));
        return { items: unseen, total, next: isLast ? null : page + 1 };
      });
      return list.pages();
    },
    async *[Symbol.asyncIterator]() {
      for await (const { items } of this.pages()) yield* items;
    },
  };
}
