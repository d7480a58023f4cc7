/** How the upstream answers a question. The question contains the plan, so every relay passes it on. */
export interface Plan {
  /** Number of `message` events. One `message_end` follows them. */
  readonly events: number;
  /** Number of events in one write. */
  readonly perWrite: number;
  /** Interval between two writes. The first write is sent immediately, with the headers. */
  readonly everyMs: number;
  /** After its first write, an answer waits until this number of answers have had theirs. 0 means no waiting. */
  readonly together: number;
}

const pattern = /bench\/(\d{1,7})\/(\d{1,7})\/(\d{1,7})\/(\d{1,7})/u;

export function toQuery({ events, perWrite, everyMs, together }: Plan): string {
  return `bench/${events}/${perWrite}/${everyMs}/${together}`;
}

/** @returns the plan in a request body, or null. */
export function findPlan(body: string): Plan | null {
  const numbers = pattern.exec(body)?.slice(1).map(Number);
  if (numbers === undefined) return null;
  const [events = 0, perWrite = 0, everyMs = 0, together = 0] = numbers;
  return events > 0 && perWrite > 0 ? { events, perWrite, everyMs, together } : null;
}
