import { z } from 'zod';

import { messageRoles } from '../model/message';
import { turnOutcomes } from '../model/outcome';
import { dateTime, type Reply } from './reply';

/** A piece of an excerpt. All pieces together are the excerpt. They contain no markup. */
const segment = z.object({ text: z.string(), isMatch: z.boolean() });
export type Segment = Reply<typeof segment>;

/** A hit as a client sees it: an excerpt with the text, because the whole message can be long. */
const hit = z
  .object({
    message_id: z.int(),
    public_id: z.string(),
    session_id: z.string().nullable(),
    title: z.string().nullable(),
    turn_id: z.string().nullable(),
    role: z.enum(messageRoles),
    outcome: z.enum(turnOutcomes).nullable(),
    is_superseded: z.boolean(),
    highlights: z.array(segment),
    created_at: dateTime,
  })
  .meta({ id: 'SearchHit' });
export type HitReply = Reply<typeof hit>;

export const searchReply = z
  .object({
    data: z.array(hit),
    meta: z.object({
      // A request with a cursor gets none.
      pagination: z
        .object({
          page: z.int(),
          pageSize: z.int(),
          pageCount: z.int(),
          total: z.int(),
          isTotalExact: z
            .boolean()
            .describe(
              'False if the search did not read all messages. `total` then counts only the newest ones.',
            ),
        })
        .optional(),
      nextCursor: z
        .string()
        .nullable()
        .describe('The `cursor` that continues after this page. Null if no messages are left.'),
    }),
  })
  .meta({ id: 'SearchResult' });
export type SearchReply = Reply<typeof searchReply>;
