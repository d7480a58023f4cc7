import { z } from 'zod';

import { turnOutcomes } from '../model/outcome';
import { selectedMessage } from './messages/reply-fields';
import type { Reply } from './reply';

/** The state of a turn. `message_id`, `outcome` and `error_code` are those of the answer. */
export const turnReply = z
  .object({
    turn_id: z.string().nullable(),
    session_id: z.string().nullable(),
    conversation_id: z.string().nullable(),
    message_id: z.string(),
    outcome: z.enum(turnOutcomes).nullable(),
    error_code: z.string().nullable(),
    is_live: z.boolean(),
    messages: z.array(selectedMessage),
  })
  .meta({ id: 'Turn' });
export type TurnReply = Reply<typeof turnReply>;
