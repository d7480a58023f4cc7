/** How the upstream answers one question. It stands in the question itself, so that every relay carries it through. */
export interface Plan {
  /** `message` events; one `message_end` comes after them. */
  readonly events: number;
  /** Events that leave in one write. */
  readonly perWrite: number;
  /** Between two writes. The first leaves at once, with the headers. */
  readonly everyMs: number;
}

const pattern = /bench\/(\d{1,7})\/(\d{1,7})\/(\d{1,7})/u;

export function toQuery({ events, perWrite, everyMs }: Plan): string {
  return `bench/${events}/${perWrite}/${everyMs}`;
}

/** @returns the plan that stands somewhere in a request body, or null. */
export function findPlan(body: string): Plan | null {
  const [, events, perWrite, everyMs] = pattern.exec(body) ?? [];
  if (events === undefined || perWrite === undefined || everyMs === undefined) return null;
  const plan = { events: Number(events), perWrite: Number(perWrite), everyMs: Number(everyMs) };
  return plan.events > 0 && plan.perWrite > 0 ? plan : null;
}
