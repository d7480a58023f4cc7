import { z } from 'zod';

import { ratings } from '../model/message';
import { uploadReply } from './file/upload-reply';
import { questionFileReply } from './file/question-files';
import { userReply } from './messages/reply';
import { usageReply, type Reply } from './reply';
import { sessionMessageReply, sessionReply } from './session-reply';
import { tokenReply } from './token/reply';

/** One line of an export. */
export const exportLine = z
  .discriminatedUnion('type', [
    userReply.extend({ type: z.literal('user') }),
    tokenReply.extend({ type: z.literal('token') }),
    sessionReply.extend({ type: z.literal('session') }),
    sessionMessageReply.extend({
      type: z.literal('message'),
      conversation_id: z.string().nullable(),
      // The links of an answer's files would expire, so the export has none.
      files: z.array(z.union([questionFileReply, z.object({ id: z.string(), type: z.string() })])),
      error_code: z.string().nullable(),
      usage: usageReply.nullable(),
      feedback: z.enum(ratings).nullable(),
      ai_character: z.object({ documentId: z.string(), name: z.string().nullable() }).nullable(),
    }),
    uploadReply.extend({ type: z.literal('file') }),
  ])
  .meta({ id: 'ExportLine' });
export type ExportLine = Reply<typeof exportLine>;
