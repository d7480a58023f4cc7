import { z } from 'zod';

import type { RequestSettings } from '../../settings';
import { isBlank } from '../../shared/blank-text';
import { oncePer } from '../../shared/once-per';
import { toStorableText } from '../../shared/storable-text';
import { assertFewParts, characterIdSchema, upToFirstProblem } from '../bounded';
import { toInlineFile, type InlineFile } from '../file/inline-file';
import { invalidField, parse } from '../invalid-request';

/** One earlier exchange, as the client remembers it. Both texts have no outer blanks. */
export interface RememberedTurn {
  readonly query: string;
  /** The client may know only the beginning, or nothing. */
  readonly answer: string;
}

/** A request for a completion. The last message of the user is the question. */
export interface CompletionRequest {
  readonly characterId: string;
  readonly query: string;
  readonly images: readonly InlineFile[];
  readonly earlier: readonly RememberedTurn[];
  /** The session that the client names. Undefined: the earlier messages show it. */
  readonly sessionId: string | undefined;
  readonly isStreaming: boolean;
  readonly withUsage: boolean;
}

const textPart = z
  .object({ type: z.enum(['text', 'input_text', 'output_text', 'refusal']).describe('The kind of text.') })
  .loose();
const imagePart = z.object({
  type: z.literal('image_url'),
  image_url: z
    .object(
      { url: z.string().describe('The picture, as `data:image/…;base64,…`. No address is fetched.') },
      'must be an object with url',
    )
    .describe('A picture of the question. Those of earlier messages are ignored.'),
});
const part = z.discriminatedUnion('type', [imagePart, textPart], 'must be a text or an image_url');
const content = z
  .union([z.string(), z.array(part)], 'must be text or a list of parts')
  .nullish()
  .describe('Text, or a list of parts.');

/** More are refused. Each one costs time on the event loop. */
const maxMessages = 10_000;

const roles = ['system', 'developer', 'user', 'assistant', 'tool', 'function'] as const;
const message = z
  .object({
    role: z
      .enum(roles, `must be one of ${roles.join(', ')}`)
      .describe('Messages of `system`, `developer`, `tool` and `function` are ignored.'),
    content,
  })
  .loose();
type Message = z.output<typeof message>;

const sessionId = z
  .string('must be text')
  .max(255, 'is too long to be an id')
  .nullish()
  .describe('The session to continue. Without it, the earlier messages show which one it is.');

export const completionBody = oncePer(({ maxQueryChars, maxFiles }: RequestSettings) =>
  z
    .object(
      {
        model: characterIdSchema.describe('The `documentId` or `id` of a published character.'),
        messages: z
          .array(message, 'must be a list of messages')
          .min(1, 'must have a message of the user')
          .max(maxMessages, `can have at most ${maxMessages} messages`)
          .describe('The dialogue. Its last message is the question.'),
        stream: z
          .boolean('must be true or false')
          .nullish()
          .describe('Whether the reply is a stream of chunks.'),
        stream_options: z
          .object({ include_usage: z.boolean().nullish().describe('Whether a last chunk has the tokens.') })
          .loose()
          .nullish()
          .describe('Options of a stream.'),
        n: z.literal(1, 'must be 1').nullish().describe('The number of answers: one.'),
        session_id: sessionId,
        metadata: z
          .object({ session_id: sessionId })
          .loose()
          .nullish()
          .describe('A place for `session_id` in clients that send no other field.'),
      },
      'must be {"model": …, "messages": [{"role": "user", "content": …}]}',
    )
    .superRefine(({ messages }, context) => {
      const problem = problemOf(messages, { maxQueryChars, maxFiles });
      if (problem !== null) context.addIssue({ code: 'custom', path: ['messages'], message: problem });
    }),
);

/**
 * Parses the body of `POST /chat/completions`. Ignores system messages, because the prompt is the character's, and every
 * other field of OpenAI, because the character decides.
 * @throws ChatError `invalid-request` with the name of the field.
 */
export function parseCompletion(body: unknown, settings: RequestSettings): CompletionRequest {
  const { model, messages, stream, stream_options, session_id, metadata } = parse(
    completionBody(settings),
    withFewMessages(body),
  );
  const spoken = messages.filter(isSpoken);
  const question = spoken.at(-1);
  return {
    characterId: toStorableText(model),
    query: textOf(question),
    images: imageUrlsOf(question).flatMap((url, index) => toImage(url, index) ?? []),
    earlier: toTurns(spoken.slice(0, -1)),
    sessionId: toStorableText(session_id ?? metadata?.session_id ?? '') || undefined,
    isStreaming: stream === true,
    withUsage: stream_options?.include_usage === true,
  };
}

/** Returns the body with the messages that the schema has to check. @throws ChatError `invalid-request` for too many */
function withFewMessages(body: unknown): unknown {
  const { messages } = (body ?? {}) as { readonly messages?: unknown };
  if (!Array.isArray(messages)) return body;
  if (messages.length > maxMessages)
    throw invalidField(['messages'], `can have at most ${maxMessages} messages`);
  for (const [index, one] of messages.entries())
    assertFewParts((one as { content?: unknown } | null)?.content, ['messages', index, 'content']);
  return { ...(body as object), messages: upToFirstProblem(messages, message) };
}

function problemOf(
  messages: readonly Message[],
  { maxQueryChars, maxFiles }: Pick<RequestSettings, 'maxQueryChars' | 'maxFiles'>,
): string | null {
  const question = messages.filter(isSpoken).at(-1);
  if (question?.role !== 'user') return 'must end with a message of the user';
  const text = textOf(question);
  if (isBlank(text)) return 'must end with a question: its text is empty';
  if (text.length > maxQueryChars) return `must end with a question of at most ${maxQueryChars} characters`;
  const images = imageUrlsOf(question);
  if (images.length > maxFiles)
    return maxFiles === 0 ? 'must have no images: this server takes no files' : `can have ${maxFiles} images`;
  if (images.some((url, index) => toImage(url, index) === null))
    return 'must have images as "data:image/…;base64,…". The server fetches no address';
  return null;
}

const isSpoken = ({ role }: Message): boolean => role === 'user' || role === 'assistant';

/** Returns the text of a message. Parts of text are joined by line breaks. */
function textOf(message: Message | undefined): string {
  const parts = message?.content ?? '';
  if (typeof parts === 'string') return toStorableText(parts);
  const texts = parts.flatMap((one) => {
    const { text, refusal } = one as { readonly text?: unknown; readonly refusal?: unknown };
    return typeof text === 'string' ? [text] : typeof refusal === 'string' ? [refusal] : [];
  });
  return toStorableText(texts.join('\n'));
}

function imageUrlsOf(message: Message | undefined): readonly string[] {
  const parts = message?.content ?? '';
  if (typeof parts === 'string') return [];
  return parts.flatMap((one) =>
    one.type === 'image_url' ? [(one as z.output<typeof imagePart>).image_url.url] : [],
  );
}

function toImage(url: string, index: number): InlineFile | null {
  const file = toInlineFile(url, `image-${index + 1}`);
  return file?.mimeType.startsWith('image/') === true ? file : null;
}

/** Pairs questions with answers. An answer before the first question is the opening line of the character. */
function toTurns(messages: readonly Message[]): RememberedTurn[] {
  const turns: { readonly query: string; readonly answers: string[] }[] = [];
  for (const message of messages) {
    const text = textOf(message).trim();
    if (message.role === 'user') turns.push({ query: text, answers: [] });
    else turns.at(-1)?.answers.push(text);
  }
  return turns.map(({ query, answers }) => ({ query, answer: answers.join('\n').trim() }));
}
