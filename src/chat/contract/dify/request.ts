import { z } from 'zod';

import type { Question } from '../../model/question';
import type { SessionOrder } from '../../model/session';
import type { RequestSettings } from '../../settings';
import { isBlank } from '../../shared/blank-text';
import { isUuid } from '../../shared/id-spellings';
import { oncePer } from '../../shared/once-per';
import { toStorableJson, toStorableText } from '../../shared/storable-text';
import { boundedText } from '../bounded';
import { feedbackFields, type Feedback } from '../messages/feedback';
import { parse, wholeNumber } from '../invalid-request';
import { inputsObject, questionText } from '../question';
import { questionFilesSchema } from '../file/question-files';

/**
 * Parsers for requests of the Dify API. They ignore unknown keys, as Dify does: `user` is that of the login, and
 * `model_config` is that of the character. Each one throws ChatError `invalid-request` with the name of the field.
 */

export interface DifyQuestion extends Pick<Question, 'query' | 'inputs' | 'files'> {
  /** The id of the session, or Dify's of its conversation. Undefined for a new session. */
  readonly conversationId: string | undefined;
  readonly isStreaming: boolean;
}

const isNoId = 'must be a valid UUID';
/** Dify takes UUIDs in any case. */
const uuid = z.string(isNoId).trim().refine(isUuid, isNoId).toLowerCase();
/** Clients send "" or null for a missing id. */
const optionalUuid = z.preprocess((id) => (id === '' || id === null ? undefined : id), uuid.optional());

export const difyQuestionBody = oncePer(({ maxQueryChars, maxInputsChars, maxFiles }: RequestSettings) =>
  z.object(
    {
      inputs: inputsObject(maxInputsChars),
      query: questionText(maxQueryChars).refine((text) => !isBlank(text), 'is required'),
      response_mode: z.enum(['streaming', 'blocking'], 'must be streaming or blocking').nullish(),
      conversation_id: optionalUuid,
      files: questionFilesSchema(maxFiles),
    },
    'must be {"inputs": {}, "query": …}',
  ),
);

/** Parses `{ "inputs", "query", "response_mode"?, "conversation_id"?, "files"? }`. The default mode is blocking. */
export function parseDifyQuestion(body: unknown, settings: RequestSettings): DifyQuestion {
  const { inputs, query, response_mode, conversation_id, files } = parse(difyQuestionBody(settings), body);
  return {
    inputs: toStorableJson(inputs) as Record<string, unknown>,
    query,
    files,
    conversationId: conversation_id,
    isStreaming: response_mode === 'streaming',
  };
}

const limit = wholeNumber(1, 100).default(20);
/** An answer can have an id of this server, so it is any text. */
const messageId = z
  .string('must be the id of a message')
  .max(255, 'is too long to be an id')
  .transform((id) => toStorableText(id) || undefined)
  .optional();

export const difyMessagePageParameters = z.object({ conversation_id: uuid, first_id: messageId, limit });

/** Parses `conversation_id`, `first_id?` and `limit?` of a message list. */
export function parseDifyMessagePage(query: unknown) {
  const { conversation_id, first_id, limit: count } = parse(difyMessagePageParameters, query);
  return { conversationId: conversation_id, firstId: first_id, limit: count };
}

const orders = {
  created_at: { by: 'createdAt', newestFirst: false },
  '-created_at': { by: 'createdAt', newestFirst: true },
  updated_at: { by: 'lastMessageAt', newestFirst: false },
  '-updated_at': { by: 'lastMessageAt', newestFirst: true },
} as const satisfies Record<string, SessionOrder>;

const orderNames = Object.keys(orders) as (keyof typeof orders)[];

export const difyConversationPageParameters = z.object({
  last_id: optionalUuid,
  limit,
  sort_by: z.enum(orderNames, `must be ${orderNames.join(', ')}`).default('-updated_at'),
});

/** Parses `last_id?`, `limit?` and `sort_by?` of a conversation list. */
export function parseDifyConversationPage(query: unknown) {
  const { last_id, limit: count, sort_by } = parse(difyConversationPageParameters, query);
  return { lastId: last_id, limit: count, order: orders[sort_by] };
}

export const difyNameBody = z
  .object(
    {
      name: boundedText(z.string('must be text'), 255).nullish(),
      auto_generate: z.boolean('must be true or false').nullish(),
    },
    'must be {"name": …}',
  )
  .transform(({ name, auto_generate }) => (auto_generate === true ? null : (name ?? '').trim()))
  .refine((name) => name === null || !isBlank(name), {
    path: ['name'],
    error: 'is required when auto_generate is false',
  });

/** Parses `{ "name"?, "auto_generate"? }`. @returns null if the server must choose the name. */
export function parseDifyName(body: unknown): string | null {
  return parse(difyNameBody, body);
}

/** Parses `{ "rating", "content"? }`. */
export function parseDifyFeedback(body: unknown): Feedback {
  return parse(feedbackFields, body);
}
