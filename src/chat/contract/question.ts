import { z } from 'zod';

import { ChatError } from '../errors';
import { boundedJson, boundedText, characterIdSchema } from './bounded';
import { questionFilesSchema } from './file/question-files';
import { parse } from './invalid-request';
import { oncePer } from '../shared/once-per';
import type { RequestSettings } from '../settings';
import { isBlank } from '../shared/blank-text';
import { toStorableJson, toStorableText } from '../shared/storable-text';
import type { Question } from '../model/question';

/** The checked body of a create-message request. Only the owner is still missing. */
export type QuestionBody = Omit<Question, 'owner'>;

/**
 * Parses `{ "data": { "character_id", "query", "conversation_id"?, "session_id"?, "inputs"?, "files"? } }`. Ignores other keys of
 * `data`, so that a body written for Dify works. The SSE middleware reads `response_mode`.
 * @throws ChatError `invalid-request` with the name of the wrong field.
 */
export function parseQuestion(body: unknown, settings: RequestSettings): QuestionBody {
  const { character_id, query, conversation_id, session_id, inputs, files } = parse(
    questionBody(settings),
    body,
  ).data;
  return {
    characterId: toStorableText(character_id),
    query,
    files,
    session: { sessionId: session_id, conversationId: conversation_id },
    inputs: toStorableJson(inputs) as Record<string, unknown>,
  };
}

/**
 * Parses the body of a regenerate request: nothing, or `{ "data": { "inputs"? } }`.
 * @throws ChatError `invalid-request` with the name of the wrong field.
 */
export function parseInputs(body: unknown, settings: RequestSettings): Record<string, unknown> {
  return toStorableJson(parse(regenerateBody(settings), body)?.data?.inputs ?? {}) as Record<string, unknown>;
}

/**
 * Checks the `Idempotency-Key` header and returns it unchanged. The quotes of the draft standard are part of the key.
 * @returns undefined if the header is empty.
 * @throws ChatError `invalid-request`
 */
export function parseIdempotencyKey(header: string): string | undefined {
  if (header === '') return undefined;
  if (header.length <= 255 && /^[\x21-\x7e]+$/u.test(header)) return header;
  throw new ChatError('invalid-request', {
    sentence: 'Idempotency-Key must be 1 to 255 printable ASCII characters without spaces, e.g. a UUID.',
  });
}

export const questionBody = oncePer(({ maxQueryChars, maxInputsChars, maxFiles }: RequestSettings) =>
  z.object(
    {
      data: z.object(
        {
          character_id: characterIdSchema.describe('The `documentId` or `id` of a published character.'),
          query: questionText(maxQueryChars)
            .refine((text) => !isBlank(text), 'must be the question: it is empty')
            .describe('The question.'),
          conversation_id: optionalId.describe(
            "Dify's id of the session to continue. Either id can be in either field; two ids must match.",
          ),
          session_id: optionalId.describe(
            'The session to continue. Without it, or with an empty text or null, a new session begins.',
          ),
          inputs: inputsSchema(maxInputsChars).describe(
            'Variables of the Dify app, nested at most 8 levels deep. The server overwrites an input for the prompt.',
          ),
          files: questionFilesSchema(maxFiles).describe('Files of the question, as Dify takes them.'),
        },
        'must be an object with character_id and query',
      ),
    },
    'must be {"data": {"character_id": …, "query": …}}',
  ),
);

export const regenerateBody = oncePer(({ maxInputsChars }: RequestSettings) =>
  z
    .object({
      data: z
        .object({
          inputs: inputsSchema(maxInputsChars).describe(
            'Variables of the Dify app. The server does not keep those of the first time.',
          ),
        })
        .nullish(),
    })
    .nullish(),
);

export function questionText(maxChars: number) {
  return boundedText(z.string('must be the question, as text'), maxChars);
}

function inputsSchema(maxChars: number) {
  return inputsObject(maxChars)
    .nullish()
    .transform((inputs) => inputs ?? {});
}

export function inputsObject(maxChars: number) {
  return boundedJson(z.record(z.string(), z.unknown(), 'must be an object'), maxChars);
}

/** Clients of Dify send "" or null for a new conversation. */
const optionalId = z
  .string('must be text')
  .max(255, 'is too long to be an id')
  .nullish()
  .transform((id) => (id === null || id === undefined || id === '' ? undefined : toStorableText(id)));
