import { z } from 'zod';

import type { AnswerFile, FileOfAnswer } from '../../model/file';
import type { Message } from '../../model/message';
import { toUpstreamUser, type Owner } from '../../model/owner';
import type { Reply } from '../reply';

/** A file of an answer, with the upstream that has it. */
export interface LinkedFile extends FileOfAnswer {
  /** See `upstreamIdOf`. */
  readonly upstreamId: string | null;
}

export interface FileLinks {
  /** Returns a link of this server to a file. It contains nothing of the upstream. */
  to(file: LinkedFile): string;
}

/** A file of an answer, as Dify shows one. */
export const answerFileReply = z
  .object({
    id: z.string().describe('The id of the file in this message.'),
    type: z.string().describe("`image`, or another type of Dify's."),
    belongs_to: z.literal('assistant'),
    url: z
      .string()
      .describe(
        'A link relative to the address of this server. It needs no login and expires after 30 minutes.',
      ),
  })
  .meta({ id: 'AnswerFile' });
export type AnswerFileReply = Reply<typeof answerFileReply>;

/** The answer that a file belongs to. */
export type AnswerOfFile = Pick<Message, 'messageId' | 'conversationId' | 'upstreamId'>;

export function toAnswerFileReply(
  file: AnswerFile,
  { messageId, conversationId, upstreamId }: AnswerOfFile,
  { owner, links }: { readonly owner: Owner; readonly links: FileLinks },
): AnswerFileReply {
  const user = toUpstreamUser(owner);
  const url = links.to({ ...file, messageId, conversationId, upstreamId, user });
  return { id: file.id, type: file.type, belongs_to: 'assistant', url };
}
