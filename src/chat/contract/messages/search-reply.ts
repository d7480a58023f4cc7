import { z } from 'zod';

import { messageRoles } from '../../model/message';
import { dateTime, isSupersededReply, outcomeReply, pageReply, type Reply } from '../reply';

/** A piece of an excerpt. All pieces together are the excerpt. They contain no markup. */
const segment = z.object({
  text: z.string().describe('A piece of the text. `…` marks a cut.'),
  isMatch: z.boolean().describe('True for the text that was searched for.'),
});
export type Segment = Reply<typeof segment>;

/** A hit as a client sees it: an excerpt with the text, because the whole message can be long. */
const hit = z
  .object({
    message_id: z.int().describe('The `id` of the entry.'),
    public_id: z.string().describe('The `message_id` of create-message, turns and my-list.'),
    session_id: z.string().nullable().describe('The session of the message.'),
    title: z.string().nullable().describe('The title of the session.'),
    turn_id: z.string().nullable().describe('The turn of the message.'),
    role: z.enum(messageRoles).describe('Who said it.'),
    outcome: outcomeReply,
    is_superseded: isSupersededReply,
    highlights: z.array(segment).describe('The text around the first match, in pieces without markup.'),
    created_at: dateTime,
  })
  .meta({ id: 'SearchHit' });
export type HitReply = Reply<typeof hit>;

export const searchReply = z
  .object({
    data: z.array(hit).describe('Messages with the text, the newest first.'),
    meta: z.object({
      pagination: pageReply
        .extend({
          isTotalExact: z
            .boolean()
            .describe(
              'False if the search did not read all messages. `total` then counts only the newest ones.',
            ),
        })
        .optional()
        .describe('The page. A page by `cursor` has none.'),
      nextCursor: z
        .string()
        .nullable()
        .describe('The `cursor` that continues after this page. Null if no messages are left.'),
    }),
  })
  .meta({ id: 'SearchResult' });
export type SearchReply = Reply<typeof searchReply>;
