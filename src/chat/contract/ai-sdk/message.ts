import { z } from 'zod';

import type { Message } from '../../model/message';
import type { QuestionFile } from '../../model/file';
import { turnOutcomes, type Usage } from '../../model/outcome';
import type { Owner } from '../../model/owner';
import { toAnswerFileReply, type FileLinks } from '../file/link';
import { dateTime, type Reply } from '../reply';
import { contentOf } from '../sessions/reply';

export const aiSdkUsage = z
  .object({
    inputTokens: z.number().describe('Tokens of the prompt and the question.'),
    outputTokens: z.number().describe('Tokens of the answer.'),
    totalTokens: z.number().describe('The sum of both.'),
  })
  .describe('The tokens, as the upstream counts them.');

export const aiSdkFilePart = z
  .object({
    type: z.literal('file'),
    url: z
      .string()
      .describe(
        'Of an answer: a link relative to the address of this server, which expires after 30 minutes. Of a question: ' +
          'its address, or empty for an upload.',
      ),
    mediaType: z.string().describe('E.g. `image/png`, or `image/*` if only the kind is known.'),
    filename: z.string().optional().describe('The name of an upload.'),
  })
  .describe('A file of the question or of the answer.');

const sessionId = z.string().describe('The session, in the other APIs.');
const turnId = z.string().describe('The turn, in the other APIs.');
export const aiSdkIds = z.object({ session_id: sessionId, turn_id: turnId });

/** A message of the history. Source: `UIMessage` of the package `ai`. */
export const aiSdkMessage = z
  .object({
    id: z.string().describe('Of an answer: its `turn_id`. Of other messages: the `message_id`.'),
    role: z.enum(['user', 'assistant']).describe('Who said it.'),
    parts: z
      .array(
        z.union([
          z.object({ type: z.literal('text'), text: z.string().describe('The text.') }),
          aiSdkFilePart,
        ]),
      )
      .describe('The text, then the files. A failed answer can have none.'),
    metadata: aiSdkIds
      .extend({
        turn_id: turnId.nullable().describe('The turn. Null for a message that a client has added.'),
        created_at: dateTime,
        outcome: z.enum(turnOutcomes).nullable().describe('How an answer ended. Null for a question.'),
        usage: aiSdkUsage.nullable().describe('The tokens of an answer, or null.'),
      })
      .describe('The ids of the message in the other APIs, and how an answer ended.'),
  })
  .meta({ id: 'AiSdkMessage' });
export type AiSdkMessage = Reply<typeof aiSdkMessage>;

export interface AiSdkContext {
  readonly owner: Owner;
  readonly links: FileLinks;
  /** Returns what is known of the uploads among these files, by their ids. */
  readonly uploadsOf: (files: readonly QuestionFile[]) => Promise<UploadNames>;
}

type UploadNames = ReadonlyMap<string, { readonly name: string; readonly mimeType: string }>;

/**
 * Converts the lines of a session, oldest first, to the messages that a client has seen. Leaves out superseded lines,
 * lines of tools, and an answer that still runs, because a client gets that by resuming. A question that was asked
 * again directly after its answer counts once, with the newest answer that has not failed without a text.
 */
export async function* toAiSdkMessages(
  pages: AsyncIterable<readonly Message[]>,
  context: AiSdkContext,
): AsyncGenerator<readonly AiSdkMessage[], void> {
  /** The last question of a turn with its answer. The next question may repeat it. */
  let held: Held | null = null;
  for await (const page of pages) {
    const done: AiSdkMessage[] = [];
    const uploads = await context.uploadsOf(page.flatMap(({ files }) => files));
    for (const line of page) {
      if (line.isSuperseded || line.role === 'tool' || line.outcome === 'pending') continue;
      const shown = toAiSdkMessage(line, context, uploads);
      if (held !== null && line.turnId === held.turnId) {
        held = withAnswer(held, shown);
        continue;
      }
      const isQuestion = line.role === 'user' && line.turnId !== null;
      const root = line.parentMessageId ?? line.messageId;
      const isRepeat: boolean = isQuestion && held?.root === root;
      if (held !== null && !isRepeat) done.push(...held.messages);
      const older: Held['older'] = isRepeat ? held?.messages : undefined;
      held = isQuestion ? { root, turnId: line.turnId, messages: [shown], older } : null;
      if (held === null) done.push(shown);
    }
    if (done.length > 0) yield done;
  }
  if (held !== null) yield held.messages;
}

interface Held {
  /** The `message_id` of the first version of the question. All versions refer to it. */
  readonly root: string;
  readonly turnId: string | null;
  readonly messages: readonly AiSdkMessage[];
  /** The messages of the version before. */
  readonly older: readonly AiSdkMessage[] | undefined;
}

function withAnswer(held: Held, answer: AiSdkMessage): Held {
  const hasFailed = answer.parts.length === 0 && answer.metadata.outcome !== 'completed';
  const messages = hasFailed && held.older !== undefined ? held.older : [...held.messages, answer];
  return { ...held, messages };
}

function toAiSdkMessage(line: Message, { owner, links }: AiSdkContext, uploads: UploadNames): AiSdkMessage {
  const isAnswer = line.role === 'assistant';
  const text = contentOf(line);
  return {
    // The `message_id` of an answer can change, and the stream begins before the upstream names it.
    id: (isAnswer ? line.turnId : null) ?? line.messageId,
    role: isAnswer ? 'assistant' : 'user',
    parts: [
      ...(text === '' ? [] : [{ type: 'text' as const, text }]),
      ...(isAnswer ? [] : line.files.map((file) => toQuestionFilePart(file, uploads))),
      ...line.answerFiles.map((file) => toFilePart(toAnswerFileReply(file, line, { owner, links }))),
    ],
    metadata: {
      session_id: line.sessionId ?? '',
      turn_id: line.turnId,
      created_at: line.createdAt.toISOString(),
      outcome: isAnswer ? line.outcome : null,
      usage: isAnswer ? toAiSdkUsage(line.usage) : null,
    },
  };
}

const mediaTypes: Readonly<Record<string, string>> = { image: 'image/*', audio: 'audio/*', video: 'video/*' };

/** The server gives no link to an upload, so its `url` is empty: the AI SDK needs a text there. */
function toQuestionFilePart(file: QuestionFile, uploads: UploadNames): Reply<typeof aiSdkFilePart> {
  if (file.transfer_method === 'remote_url') return toFilePart(file);
  const upload = uploads.get(file.upload_file_id);
  const part = toFilePart({ type: file.type, url: '' });
  return upload === undefined ? part : { ...part, mediaType: upload.mimeType, filename: upload.name };
}

/** The upstream names only the kind of a file. */
export function toFilePart({ type, url }: { readonly type: string; readonly url: string }) {
  return { type: 'file' as const, url, mediaType: mediaTypes[type] ?? 'application/octet-stream' };
}

/** Returns null if the upstream has reported no usage. */
export function toAiSdkUsage(usage: Usage | null): Reply<typeof aiSdkUsage> | null {
  if (usage === null) return null;
  return {
    inputTokens: Number(usage['prompt_tokens'] ?? 0),
    outputTokens: Number(usage['completion_tokens'] ?? 0),
    totalTokens: Number(usage['total_tokens'] ?? 0),
  };
}
