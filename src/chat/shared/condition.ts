/** Wakes any number of waiting callers together. */
export interface Condition {
  /** Settles at the next `notify`. */
  wait(): Promise<void>;
  /** Wakes all waiting callers. Each one checks for itself whether it can continue. */
  notify(): void;
}

export function createCondition(): Condition {
  let notified: Promise<void> | undefined;
  let wake = () => {};
  return {
    wait() {
      notified ??= new Promise((resolve) => {
        wake = resolve;
      });
      return notified;
    },
    notify() {
      notified = undefined;
      wake();
    },
  };
}
