import { z } from 'zod';

import { pageReply, rangeReply, type Reply } from '../reply';
import { selectedMessage } from './reply-fields';

/** The part of the list and the total, in the terms of the request. */
const pagination = z.union([pageReply, rangeReply]);
export type Pagination = Reply<typeof pagination>;

/** A page of messages as the HTTP API shows it. */
export const messageListReply = z
  .object({
    data: z.array(selectedMessage).describe('Messages, the newest first unless the request has a `sort`.'),
    meta: z.object({
      pagination: pagination.describe('The requested part. `total` counts the messages that match now.'),
      nextCursor: z
        .string()
        .nullable()
        .describe('The `cursor` of the next page. Null on the last page, and if the request has a `sort`.'),
    }),
  })
  .meta({ id: 'MessageList' });
export type MessageListReply = Reply<typeof messageListReply>;
