/** A pause that can be cut short. One at a time. */
export interface Alarm {
  after(ms: number): Promise<void>;
  /** Ends the pause, if there is one, this much later at the latest. To ask again and again does not put it off. */
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
