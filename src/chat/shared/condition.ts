/** Lets any number of waiting functions go on together. */
export interface Condition {
  /** Settles at the next `notify`. */
  wait(): Promise<void>;
  /** Wakes everyone who waits. They look themselves whether there is anything for them. */
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
