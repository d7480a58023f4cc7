/** How the upstream answers one question. It stands in the question itself, so that every relay carries it through. */
export interface Plan {
  /** `message` events; one `message_end` comes after them. */
  readonly events: number;
  /** Events that leave in one write. */
  readonly perWrite: number;
  /** Between two writes. The first leaves at once, with the headers. */
  readonly everyMs: number;
  /** After its first write an answer waits until so many have had theirs: none waits at 0. */
  readonly together: number;
}

const pattern = /bench\/(\d{1,7})\/(\d{1,7})\/(\d{1,7})\/(\d{1,7})/u;

export function toQuery({ events, perWrite, everyMs, together }: Plan): string {
  return `bench/${events}/${perWrite}/${everyMs}/${together}`;
}

/** @returns the plan that stands somewhere in a request body, or null. */
export function findPlan(body: string): Plan | null {
  const numbers = pattern.exec(body)?.slice(1).map(Number);
  if (numbers === undefined) return null;
  const [events = 0, perWrite = 0, everyMs = 0, together = 0] = numbers;
  return events > 0 && perWrite > 0 ? { events, perWrite, everyMs, together } : null;
}
