import { z } from 'zod';

import { ChatError } from '../errors';
import { toMessageRowId } from './conversation-reply';
import { parse, wholeNumber } from './invalid-request';
import { oncePer } from '../shared/once-per';
import { isShallow, isShort, tooLong } from './question';
import type { After } from '../shared/walk';
import type { Range } from '../model/page';
import type { NewMessage } from '../model/message';
import { reference } from './session-request';
import type { RequestSettings } from '../settings';
import { toStorableJson, toStorableText } from '../shared/storable-text';

/**
 * What clients send to the conversation API, checked: in the query string, as it is documented, or in a JSON body, which
 * counts where both name something. Every function throws ChatError `invalid-request` naming the field.
 */

const flag = z.union([z.boolean(), z.stringbool()], 'has to be true or false');

const conversation = z.object({ user_id: reference.nullish(), new: flag.nullish() });

/** `user_id?`, `new?` */
export function parseConversationRequest(query: unknown, body: unknown) {
  const { user_id, new: isNew } = parse(conversation, merge(query, body));
  return { userId: user_id ?? undefined, isNew: isNew === true };
}

const message = oncePer((settings: RequestSettings) =>
  z
    .object({
      role: z.enum(['user', 'assistant', 'tool'], 'has to be user, assistant or tool'),
      content: z
        .string('has to be text')
        .max(settings.maxQueryChars, `can be at most ${settings.maxQueryChars} characters long`)
        .transform(toStorableText),
      tool_calls: z
        .preprocess(readJson, toolCalls)
        .refine((calls) => isShallow(calls, 0), { error: 'is nested too deeply', abort: true })
        .refine((calls) => isShort(calls, settings), tooLong(settings)),
    })
    .refine(({ content, tool_calls }) => content.trim() !== '' || (tool_calls ?? null) !== null, {
      path: ['content'],
      error: 'is empty',
    }),
);

/** `role`, `content`, `tool_calls?`: an object or a list, or either as JSON text. With it, `content` may be empty. */
export function parseConversationMessage(
  query: unknown,
  body: unknown,
  settings: RequestSettings,
): NewMessage {
  const { role, content, tool_calls } = parse(message(settings), merge(query, body));
  return { role, content, toolCalls: toStorableJson(tool_calls ?? null) };
}

const toolCalls = z
  .union([z.record(z.string(), z.unknown()), z.array(z.unknown())], 'has to be a JSON object or list')
  .nullish();

/** Text that is no JSON stays text, which is refused. */
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

const part = z.object({
  limit: wholeNumber(1, maxPart).optional(),
  after: z
    .string('has to be the id of a message')
    .transform(toMessageRowId)
    .refine((id) => id !== null, 'has to be the id of a message')
    .optional(),
});

/** `limit?`, `after?`: the id of a message. Without them, all there is. */
export function parseConversationPart(query: unknown): After {
  const { limit = Number.MAX_SAFE_INTEGER, after } = parse(part, query ?? {});
  return { limit, id: after ?? 0 };
}

const conversationPage = z.object({
  limit: wholeNumber(1, maxPart).default(maxPart),
  offset: wholeNumber(0, 1_000_000_000).default(0),
});

/** `limit?`, `offset?` */
export function parseConversationPage(query: unknown): Range {
  return parse(conversationPage, query ?? {});
}

/** @throws ChatError `invalid-request` for what is no UUID. */
export function parseConversationId(text: unknown): string {
  if (typeof text === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/iu.test(text)) {
    return text.toLowerCase();
  }
  throw new ChatError('invalid-request', { sentence: 'conversation_id has to be a UUID.' });
}

function merge(query: unknown, body: unknown): unknown {
  if (body === undefined || body === null || body === '') return query;
  if (typeof body !== 'object' || Array.isArray(body)) return body;
  return { ...(query as object), ...body };
}
