/** A pause that another call can shorten. Only one pause runs at a time. */
export interface Alarm {
  after(ms: number): Promise<void>;
  /** Ends the current pause, if any, within this time. Repeated calls do not delay the end. */
  ringWithin(ms: number): void;
}

export function createAlarm(): Alarm {
  let timer: NodeJS.Timeout | undefined;
  let ringsAtMs = Infinity;
  let ring = () => undefined as void;

  const ringAfter = (ms: number) => {
    clearTimeout(timer);
    ringsAtMs = Date.now() + ms;
    timer = setTimeout(() => {
      ringsAtMs = Infinity;
      timer = undefined;
      ring();
    }, ms);
  };
  return {
    after(ms) {
      const rung = new Promise<void>((resolve) => (ring = resolve));
      ringAfter(ms);
      return rung;
    },
    ringWithin(ms) {
      if (timer !== undefined && Date.now() + ms < ringsAtMs) ringAfter(ms);
    },
  };
}
