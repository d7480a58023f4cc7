import { z } from 'zod';

/** Whether this process accepts new questions. */
export const readyReply = z.object({
  data: z.object({
    status: z.enum(['ready', 'not-ready', 'draining']),
    problem: z.string().nullable(),
    live_turns: z.int(),
    upstream: z.object({ problem: z.string().nullable() }),
    history: z
      .object({
        state: z.enum(['ok', 'behind', 'unavailable']),
        waiting: z.int(),
        oldest_seconds: z.int(),
        problem: z.enum(['history', 'main-database']).nullable(),
      })
      .optional(),
  }),
});
