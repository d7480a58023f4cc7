import { z } from 'zod';

import type { RequestSettings } from '../../settings';
import { isBlank } from '../../shared/blank-text';
import { oncePer } from '../../shared/once-per';
import { toStorableText } from '../../shared/storable-text';
import { assertFewParts, boundedText, characterIdSchema } from '../bounded';
import { toInlineFile, type InlineFile } from '../file/inline-file';
import { parse } from '../invalid-request';

/** A request of the AI SDK for an answer. The last message is the question. */
export interface AiSdkRequest {
  /** The id of a session, or the name that the client has chosen. */
  readonly chatId: string;
  /** Undefined: the character of the session. */
  readonly characterId: string | undefined;
  /** Whether the question is new, takes the place of an earlier one, or is asked again. */
  readonly action: 'ask' | 'edit' | 'regenerate';
  readonly query: string;
  readonly files: readonly InlineFile[];
  readonly place: QuestionPlace;
}

/** Where a question is that the client edits or asks again. */
export interface QuestionPlace {
  /** The id that the client names. Ids of questions can be the client's own, which the server does not know. */
  readonly messageId: string | undefined;
  /** The id of the answer before the question. Null for none. Undefined if the client does not send it. */
  readonly previousId: string | null | undefined;
}

const maxIdChars = 255;

const part = z
  .object({
    type: z.string('must be the type of the part').describe('`text` or `file`. Others are ignored.'),
    text: z.string('must be text').optional().describe('Of a part `text`.'),
    url: z.string('must be a data: URL').optional().describe('Of a part `file`: `data:…;base64,…`.'),
    filename: z.string('must be text').optional().describe('Of a part `file`.'),
  })
  .loose();

const message = z
  .object(
    {
      id: z.string('must be text').max(maxIdChars, 'is too long to be an id').optional().describe('Its id.'),
      role: z
        .enum(['system', 'user', 'assistant'], 'must be system, user or assistant')
        .describe('Who said it.'),
      parts: z.array(part, 'must be a list of parts').describe('What was said.'),
    },
    'must be a message with role and parts',
  )
  .loose();
type Message = z.output<typeof message>;

const isAnswer = (one: unknown): boolean => (one as { readonly role?: unknown } | null)?.role === 'assistant';

/** Returns the last message, and the answer before it. */
function endOf(all: readonly unknown[]): { readonly last: unknown; readonly previous: unknown } {
  return { last: all.at(-1), previous: all.slice(0, -1).reverse().find(isAnswer) ?? null };
}

/** The whole list can be long. Only its end is read: the last message, and the answer before it. */
const messages = z
  .array(z.unknown(), 'must be a list of messages')
  .min(1, 'must have the question')
  .transform(endOf)
  .pipe(z.object({ last: message, previous: message.nullable() }));

export const aiSdkBody = oncePer(({ maxQueryChars, maxFiles }: RequestSettings) =>
  z
    .object(
      {
        id: z
          .string('must be the id of the chat')
          .min(1, 'must be the id of the chat')
          .max(maxIdChars, 'is too long to be an id')
          .refine((id) => toStorableText(id) === id, 'has characters that an id cannot have')
          .describe('A `session_id`, or a name that the client chooses. A new name begins a session.'),
        messages: messages
          .nullish()
          .describe(
            'UI messages like `message`. The last one is the question. The server has the earlier ones.',
          ),
        message: message.nullish().describe('The question as a UI message, for a client that sends no list.'),
        trigger: z
          .enum(['submit-message', 'regenerate-message'], 'must be submit-message or regenerate-message')
          .nullish()
          .describe('Whether the question is new, or is asked again.'),
        messageId: z
          .string('must be text')
          .max(maxIdChars, 'is too long to be an id')
          .nullish()
          .describe('The message to ask again, or the question to replace.'),
        character_id: characterIdSchema
          .nullish()
          .describe('The `documentId` or `id` of a published character. A new chat needs it.'),
      },
      'must be {"id": …, "messages": […], "character_id": …}',
    )
    .superRefine((body, context) => {
      const problem = problemOf(body, { maxQueryChars, maxFiles });
      if (problem !== null) context.addIssue({ code: 'custom', ...problem });
    }),
);
type Body = z.output<ReturnType<typeof aiSdkBody>>;

/**
 * Parses the body of `POST /ai-sdk/chat`. Source: `DefaultChatTransport` of the package `ai`, version 6.
 * @throws ChatError `invalid-request` with the name of the field.
 */
export function parseAiSdkRequest(given: unknown, settings: RequestSettings): AiSdkRequest {
  assertFewPartsIn(given);
  const body = parse(aiSdkBody(settings), given);
  const { id, trigger, messageId, character_id } = body;
  const { last, previous } = lastOf(body);
  const isEdit = messageId !== null && messageId !== undefined;
  return {
    chatId: id,
    characterId:
      character_id === null || character_id === undefined ? undefined : toStorableText(character_id),
    action: trigger === 'regenerate-message' ? 'regenerate' : isEdit ? 'edit' : 'ask',
    query: last === undefined ? '' : textOf(last),
    files: last === undefined ? [] : filesOf(last).flatMap((file) => file ?? []),
    place: {
      messageId: toStorableText(messageId ?? '') || undefined,
      previousId: previous === null ? null : toStorableText(previous?.id ?? '') || undefined,
    },
  };
}

/** Checks the messages that are read. @throws ChatError `invalid-request` */
function assertFewPartsIn(given: unknown): void {
  const { message, messages } = (given ?? {}) as Readonly<Record<string, unknown>>;
  const partsOf = (one: unknown) => (one as { readonly parts?: unknown } | null | undefined)?.parts;
  assertFewParts(partsOf(message), ['message', 'parts']);
  if (!Array.isArray(messages)) return;
  const { last, previous } = endOf(messages);
  for (const one of [last, previous])
    assertFewParts(partsOf(one), ['messages', messages.lastIndexOf(one), 'parts']);
}

/** Returns the question, and the answer before it. See `QuestionPlace`. */
function lastOf({ message: one, messages: all }: Pick<Body, 'message' | 'messages'>): {
  readonly last: Message | undefined;
  readonly previous: Message | null | undefined;
} {
  return all ?? { last: one ?? undefined, previous: undefined };
}

function problemOf(
  body: Pick<Body, 'message' | 'messages' | 'trigger'>,
  { maxQueryChars, maxFiles }: Pick<RequestSettings, 'maxQueryChars' | 'maxFiles'>,
): { readonly path: string[]; readonly message: string } | null {
  const { last } = lastOf(body);
  if (body.trigger === 'regenerate-message') return null;
  const at = (text: string) => ({ path: [body.messages ? 'messages' : 'message'], message: text });
  if (last?.role !== 'user') return at('must end with a message of the user');
  const { success } = boundedText(z.string(), maxQueryChars).safeParse(textOf(last));
  if (!success) return at(`must end with a question of at most ${maxQueryChars} characters`);
  if (isBlank(textOf(last))) return at('must end with a question: its text is empty');
  const files = filesOf(last);
  if (files.length > maxFiles)
    return at(
      maxFiles === 0 ? 'must have no files: this server takes no files' : `can have ${maxFiles} files`,
    );
  if (files.includes(null)) return at('must have files as "data:…;base64,…". The server fetches no address');
  return null;
}

function textOf({ parts }: Message): string {
  const texts = parts.flatMap(({ type, text }) => (type === 'text' && text !== undefined ? [text] : []));
  return toStorableText(texts.join('\n'));
}

const filesOf = ({ parts }: Message): (InlineFile | null)[] =>
  parts
    .filter(({ type }) => type === 'file')
    .map(({ url = '', filename }, index) => toInlineFile(url, filename ?? `file-${index + 1}`));
