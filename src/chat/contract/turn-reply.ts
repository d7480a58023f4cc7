import { z } from 'zod';

import { selectedMessage } from './messages/reply-fields';
import { errorCodeReply, outcomeReply, type Reply } from './reply';

/** The state of a turn. `message_id`, `outcome` and `error_code` are those of the answer. */
export const turnReply = z
  .object({
    turn_id: z.string().nullable().describe('The turn.'),
    session_id: z.string().nullable().describe('Its session.'),
    conversation_id: z.string().nullable().describe("Dify's id of the session. Null while it is unknown."),
    message_id: z.string().describe('The `message_id` of the answer.'),
    outcome: outcomeReply,
    error_code: errorCodeReply,
    is_live: z.boolean().describe('True while `outcome` is `pending`, in any process.'),
    messages: z
      .array(selectedMessage)
      .describe('The question and its answer. A running answer has the text of its last checkpoint.'),
  })
  .meta({ id: 'Turn' });
export type TurnReply = Reply<typeof turnReply>;
