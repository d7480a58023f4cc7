/** Values that one reader waits for. They are kept until it takes them. */
export interface Queue<T> extends AsyncIterable<T> {
  push(value: T): void;
  /** Ends the reading after all values, with an error if one is given. */
  end(error?: Error): void;
}

export function createQueue<T>(): Queue<T> {
  const values: T[] = [];
  let end: { readonly error?: Error } | null = null;
  let wake = (): void => undefined;
  return {
    push(value) {
      values.push(value);
      wake();
    },
    end(error) {
      end ??= error === undefined ? {} : { error };
      wake();
    },
    async *[Symbol.asyncIterator]() {
      for (;;) {
        while (values.length > 0) yield values.shift() as T;
        if (end?.error !== undefined) throw end.error;
        if (end !== null) return;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}
