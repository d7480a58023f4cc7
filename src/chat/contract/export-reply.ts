import { z } from 'zod';

import { answerFileReply } from './file/link';
import { uploadReply } from './file/upload-reply';
import { questionFileReply } from './file/question-files';
import { messageReply, userReply } from './messages/reply';
import type { Reply } from './reply';
import { sessionMessageReply, sessionReply } from './sessions/reply';
import { tokenReply } from './token/reply';

/** One line of an export. */
export const exportLine = z
  .discriminatedUnion('type', [
    userReply.extend({ type: z.literal('user') }),
    tokenReply.extend({ type: z.literal('token') }),
    sessionReply.extend({ type: z.literal('session') }),
    sessionMessageReply.extend({
      type: z.literal('message'),
      conversation_id: messageReply.shape.conversation_id,
      files: z
        .array(z.union([questionFileReply, answerFileReply.pick({ id: true, type: true })]))
        .describe('Files of an answer have no links here, because links expire.'),
      error_code: messageReply.shape.error_code,
      usage: messageReply.shape.usage,
      feedback: messageReply.shape.feedback,
      ai_character: z
        .object({
          documentId: z.string().describe('The id of the character.'),
          name: z.string().nullable().describe('Null while the character is unpublished.'),
        })
        .nullable()
        .describe('The character of the message, or null.'),
    }),
    uploadReply.extend({ type: z.literal('file') }),
  ])
  .meta({ id: 'ExportLine' });
export type ExportLine = Reply<typeof exportLine>;
