import { z } from 'zod';

/** Whether this process accepts new questions. */
export const readyReply = z.object({
  data: z.object({
    status: z.enum(['ready', 'not-ready', 'draining']).describe('`draining` while the process shuts down.'),
    problem: z
      .string()
      .nullable()
      .describe(
        'What the process lacks: `missing-database-file`, `disk-full`, `too-many-open-files`, or null.',
      ),
    live_turns: z.int().describe('How many answers are running in this process.'),
    upstream: z
      .object({
        problem: z
          .string()
          .nullable()
          .describe('What is wrong with an upstream, e.g. `key-refused`. Null if nothing is.'),
      })
      .describe('The default upstream, and others that published characters use. The status stays 200.'),
    history: z
      .object({
        state: z
          .enum(['ok', 'behind', 'unavailable'])
          .describe('`behind`: a finished turn has waited for more than a minute.'),
        waiting: z.int().describe('Finished turns that the history does not have yet.'),
        oldest_seconds: z.int().describe('Seconds since the oldest of them finished.'),
        problem: z.enum(['history', 'main-database']).nullable().describe('The database that fails.'),
      })
      .optional()
      .describe('The history. The chat does not need it.'),
  }),
});
