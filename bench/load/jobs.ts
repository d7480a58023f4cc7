import { z } from 'zod';

/** Turns that the load client runs against one target. */
export interface StreamJob {
  readonly port: number;
  /** Complete HTTP requests, used in rotation. */
  readonly requests: readonly string[];
  readonly turns: number;
  /** Number of concurrent turns. */
  readonly atOnce: number;
  /** Pause between the starts of the first turns. */
  readonly startEveryMs: number;
  /** Number of events that each answer must have. */
  readonly expected: number;
  /** Opens `settleMs` after all turns have had their first event, and closes when the first turn has its last event. */
  readonly window: { readonly settleMs: number } | null;
}

/** The load client sends this message during a job. */
export const windowSchema = z.object({
  type: z.literal('window'),
  state: z.enum(['open', 'closed']),
  /** Number of events of all turns so far. */
  events: z.number(),
});

const quantilesSchema = z.object({ p50: z.number(), p99: z.number(), p999: z.number(), max: z.number() });

export const streamResultSchema = z.object({
  type: z.literal('streams'),
  events: z.number(),
  /** Time from before the connection to the first event of the answer, for each turn. */
  firstEventMs: z.array(z.number()),
  /** Time from the write of the upstream to the arrival, for each event except the first ones. */
  underWayMs: quantilesSchema,
  /** Errors of the turns with a wrong answer. */
  failures: z.array(z.string()),
});
export type StreamResult = z.infer<typeof streamResultSchema>;

/** GET requests, one after the other on one connection. */
export interface PageJob {
  readonly port: number;
  readonly request: string;
  readonly times: number;
  /** Text that each reply must contain. */
  readonly contains: string;
  /** How often the reply must contain the text. */
  readonly count: number;
}

export const pageResultSchema = z.object({
  type: z.literal('pages'),
  ms: z.array(z.number()),
});
export type PageResult = z.infer<typeof pageResultSchema>;

export type Job = { readonly streams: StreamJob } | { readonly pages: PageJob };

export const failureSchema = z.object({ type: z.literal('failed'), message: z.string() });

export const reportSchema = z.discriminatedUnion('type', [
  windowSchema,
  streamResultSchema,
  pageResultSchema,
  failureSchema,
]);
