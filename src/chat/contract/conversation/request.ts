import { z } from 'zod';

import { ChatError } from '../../errors';
import { boundedJson, boundedText } from '../bounded';
import { toMessageRowId } from './reply';
import { listLimit, parse, wholeNumber } from '../invalid-request';
import { oncePer } from '../../shared/once-per';
import type { After } from '../../shared/walk';
import type { Range } from '../../model/page';
import { messageRoles, type NewMessage } from '../../model/message';
import { reference } from '../sessions/request';
import type { RequestSettings } from '../../settings';
import { isBlank } from '../../shared/blank-text';
import { isUuid } from '../../shared/id-spellings';
import { toStorableJson } from '../../shared/storable-text';

/**
 * Parsers for requests of the conversation API. Values come from the query string, as documented, or from a JSON body.
 * If both name a value, the body wins. Every function throws ChatError `invalid-request` with the name of the field.
 */

const flag = z.union([z.boolean(), z.stringbool()], 'must be true or false');

export const conversationParameters = z.object({
  user_id: reference
    .nullish()
    .describe("The caller's numeric id or documentId. Another one gets `not-yourself`."),
  new: flag.nullish().describe('True always creates a conversation.'),
});

/** Parses `user_id?` and `new?`. */
export function parseConversationRequest(query: unknown, body: unknown) {
  const { user_id, new: isNew } = parse(conversationParameters, merge(query, body));
  return { userId: user_id ?? undefined, isNew: isNew === true };
}

export const conversationMessageParameters = ({ maxQueryChars, maxInputsChars }: RequestSettings) =>
  z.object({
    role: z.enum(messageRoles, 'must be user, assistant or tool').describe('Who said it.'),
    content: boundedText(z.string('must be text'), maxQueryChars).describe(
      'The text. It can be empty with `tool_calls`. Send a long one in the body: a request line has 16 KB.',
    ),
    tool_calls: boundedJson(z.preprocess(readJson, toolCalls), maxInputsChars).describe(
      'An object or a list. In the query string it is JSON text.',
    ),
  });

const message = oncePer((settings: RequestSettings) =>
  conversationMessageParameters(settings).refine(
    ({ content, tool_calls }) => !isBlank(content) || (tool_calls ?? null) !== null,
    { path: ['content'], error: 'is empty' },
  ),
);

/**
 * Parses `role`, `content` and `tool_calls?`. `tool_calls` is an object or a list, or either as JSON text. With
 * `tool_calls`, `content` may be empty.
 */
export function parseConversationMessage(
  query: unknown,
  body: unknown,
  settings: RequestSettings,
): NewMessage {
  const { role, content, tool_calls } = parse(message(settings), merge(query, body));
  return { role, content, toolCalls: toStorableJson(tool_calls ?? null) };
}

const toolCalls = z
  .union([z.record(z.string(), z.unknown()), z.array(z.unknown())], 'must be a JSON object or list')
  .nullish();

/** Parses JSON text. Text that is not JSON stays text, and the schema refuses it. */
function readJson(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  if (value === '') return null;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

const maxPart = 1_000;

export const conversationPartParameters = z.object({
  limit: listLimit(maxPart)
    .optional()
    .describe('Without it, the reply has all messages. More counts as 1000. A shorter list is the last one.'),
  after: z
    .string('must be the id of a message')
    .transform(toMessageRowId)
    .refine((id) => id !== null, 'must be the id of a message')
    .optional()
    .describe('The `id` of a message: the list begins after it.'),
});

/** Parses `limit?` and `after?`, the id of a message. Without them, the part is the whole list. */
export function parseConversationPart(query: unknown): After {
  const { limit = Number.MAX_SAFE_INTEGER, after } = parse(conversationPartParameters, query ?? {});
  return { limit, id: after ?? 0 };
}

export const conversationPageParameters = z.object({
  limit: listLimit(maxPart).default(maxPart).describe('More counts as 1000.'),
  offset: wholeNumber(0, 1_000_000_000).default(0).describe('The number of conversations to skip.'),
});

/** Parses `limit?` and `offset?`. */
export function parseConversationPage(query: unknown): Range {
  return parse(conversationPageParameters, query ?? {});
}

/** Returns a UUID in lower case. @throws ChatError `invalid-request` if the value is not a UUID. */
export function parseConversationId(text: unknown): string {
  if (typeof text === 'string' && isUuid(text)) return text.toLowerCase();
  throw new ChatError('invalid-request', { sentence: 'conversation_id must be a UUID.' });
}

function merge(query: unknown, body: unknown): unknown {
  if (body === undefined || body === null || body === '') return query;
  if (typeof body !== 'object' || Array.isArray(body)) return body;
  return { ...(query as object), ...body };
}
