import { z } from 'zod';

/** Turns for the load client to run against one target. */
export interface StreamJob {
  readonly port: number;
  /** Whole HTTP requests, taken in turn. */
  readonly requests: readonly string[];
  readonly turns: number;
  /** Turns at the same time. */
  readonly atOnce: number;
  /** Between the starts of the first ones. */
  readonly startEveryMs: number;
  /** Events each answer has to have. */
  readonly expected: number;
  /** Says when all turns have had their first event for so long, and again when the first of them has its last one. */
  readonly window: { readonly settleMs: number } | null;
}

/** What the load client says meanwhile. */
export const windowSchema = z.object({
  type: z.literal('window'),
  state: z.enum(['open', 'closed']),
  /** That have arrived so far, of all turns. */
  events: z.number(),
});

const quantilesSchema = z.object({ p50: z.number(), p99: z.number(), p999: z.number(), max: z.number() });

export const streamResultSchema = z.object({
  type: z.literal('streams'),
  events: z.number(),
  /** From before the connection to the first event of the answer, of each turn. */
  firstEventMs: z.array(z.number()),
  /** From the upstream's write to the arrival of each event but the first. */
  underWayMs: quantilesSchema,
  /** What was wrong, of the turns that were not right to the byte. */
  failures: z.array(z.string()),
});
export type StreamResult = z.infer<typeof streamResultSchema>;

/** GETs one after the other on one connection. */
export interface PageJob {
  readonly port: number;
  readonly request: string;
  readonly times: number;
  /** Has to be in each reply. */
  readonly contains: string;
  /** How often it must be in it. */
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
