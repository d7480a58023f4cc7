import { z } from 'zod';

import type { Reply } from '../reply';
import { selectedMessage } from './reply-fields';

/** The part of the list and the total, in the terms of the request. */
const pagination = z.union([
  z.object({ page: z.int(), pageSize: z.int(), pageCount: z.int(), total: z.int() }),
  z.object({ start: z.int(), limit: z.int(), total: z.int() }),
]);
export type Pagination = Reply<typeof pagination>;

/** A page of messages as the HTTP API shows it. */
export const messageListReply = z
  .object({
    data: z.array(selectedMessage),
    meta: z.object({
      pagination,
      nextCursor: z
        .string()
        .nullable()
        .describe('The `cursor` of the next page. Null on the last page, and if the request has a `sort`.'),
    }),
  })
  .meta({ id: 'MessageList' });
export type MessageListReply = Reply<typeof messageListReply>;
