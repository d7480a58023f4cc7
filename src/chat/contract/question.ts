import { z } from 'zod';

import { parse } from './invalid-request';
import { oncePer } from '../shared/once-per';
import type { RequestSettings } from '../settings';
import { toStorableJson, toStorableText } from '../shared/storable-text';
import type { Question } from '../model/question';

/** A create-message body, checked; only the owner is still missing. */
export type QuestionBody = Omit<Question, 'owner'>;

const maxInputsDepth = 8;
const isCharacterId = 'has to be the documentId of an AI character';

/**
 * `{ "data": { "character_id", "query", "conversation_id"?, "session_id"?, "inputs"? } }`. Other keys of `data` mean nothing
 * here (`response_mode` is read by the SSE middleware), so that a body written for Dify is understood.
 * @throws ChatError `invalid-request` naming the field that is wrong.
 */
export function parseQuestion(body: unknown, settings: RequestSettings): QuestionBody {
  const { character_id, query, conversation_id, session_id, inputs } = parse(
    questionSchema(settings),
    body,
  ).data;
  return {
    characterId: toStorableText(character_id),
    query: toStorableText(query),
    session: { sessionId: session_id, conversationId: conversation_id },
    inputs: toStorableJson(inputs) as Record<string, unknown>,
  };
}

/**
 * The body of a regenerate: none, or `{ "data": { "inputs"? } }`.
 * @throws ChatError `invalid-request` naming the field that is wrong.
 */
export function parseInputs(body: unknown, settings: RequestSettings): Record<string, unknown> {
  return toStorableJson(parse(regenerateSchema(settings), body)?.data?.inputs ?? {}) as Record<
    string,
    unknown
  >;
}

const questionSchema = oncePer((settings: RequestSettings) => {
  const { maxQueryChars } = settings;
  return z.object(
    {
      data: z.object(
        {
          character_id: z
            .union([z.string().trim(), z.number()], isCharacterId)
            .transform(String)
            .refine((id) => id !== '' && id !== '0' && id.length <= 64 && !/^-|\./u.test(id), isCharacterId),
          query: z
            .string('has to be the question, as text')
            .max(maxQueryChars, `can be at most ${maxQueryChars} characters long`)
            .refine((text) => text.trim() !== '', 'has to be the question: it is empty'),
          conversation_id: optionalId,
          session_id: optionalId,
          inputs: inputsSchema(settings),
        },
        'has to be an object with character_id and query',
      ),
    },
    'has to be {"data": {"character_id": …, "query": …}}',
  );
});

const regenerateSchema = oncePer((settings: RequestSettings) =>
  z.object({ data: z.object({ inputs: inputsSchema(settings) }).nullish() }).nullish(),
);

function inputsSchema(settings: RequestSettings) {
  return z
    .record(z.string(), z.unknown(), 'has to be an object')
    .refine((inputs) => isShallow(inputs, 0), {
      error: `can be nested at most ${maxInputsDepth} levels deep`,
      abort: true,
    })
    .refine((inputs) => isShort(inputs, settings), tooLong(settings))
    .nullish()
    .transform((inputs) => inputs ?? {});
}

/** Dify's clients send "" or null where they mean: a new conversation. */
const optionalId = z
  .string('has to be text')
  .max(255, 'is too long to be an id')
  .nullish()
  .transform((id) => (id === null || id === undefined || id === '' ? undefined : toStorableText(id)));

/** Of JSON that is kept as it is given: a client is shown a hundred of them at once. */
export function isShort(json: unknown, { maxInputsChars }: RequestSettings): boolean {
  return JSON.stringify(json ?? null).length <= maxInputsChars;
}

export const tooLong = ({ maxInputsChars }: RequestSettings) =>
  `can be at most ${maxInputsChars} characters of JSON`;

/** Checked before anything walks the value by recursion. */
export function isShallow(value: unknown, depth: number, maxDepth = maxInputsDepth): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth < maxDepth && Object.values(value).every((item) => isShallow(item, depth + 1, maxDepth));
}
