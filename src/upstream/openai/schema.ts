/**
 * The parts of the data of OpenAI-compatible servers that this server uses. They differ in what they leave out, send as
 * null, or add. So every field is optional, and a value of another type counts as missing.
 */
import { z } from 'zod';

import type { Usage } from '../../chat/model/outcome';
import { toStorableText } from '../../chat/shared/storable-text';
import { parseJson } from '../http/parse-json';

/** What one chunk of a reply says. */
export interface Piece {
  readonly id: string | undefined;
  /** Empty if the chunk has none. */
  readonly text: string;
  readonly finishReason: string | undefined;
  readonly hasToolCalls: boolean;
  readonly usage: Usage | null;
  readonly error: ErrorDetail | undefined;
}

/** An error of the server, in its own words. */
export interface ErrorDetail {
  readonly message: string;
  /** Its codes and kinds, the most exact one first. */
  readonly names: readonly string[];
  /** An HTTP status in the place of a code. */
  readonly status: number | undefined;
}

const text = z.string().optional().catch(undefined);

const count = z.number().int().nonnegative().optional().catch(undefined);
const usageSchema = z
  .object({ prompt_tokens: count, completion_tokens: count, total_tokens: count })
  .optional()
  .catch(undefined);

const content = z
  .object({ content: text, tool_calls: z.array(z.unknown()).optional().catch(undefined) })
  .optional()
  .catch(undefined);

const code = z.union([z.string(), z.number()]).optional().catch(undefined);
const errorObject = z.object({ message: text, type: text, code });
const errorText = z
  .string()
  .min(1)
  .transform((message) => ({ message, type: undefined, code: undefined }));
const errorSchema = z.union([errorText, errorObject]);

/** One chunk of a stream, or a whole completion: the first has `delta`, the second has `message`. */
const chunkSchema = z.object({
  id: text,
  choices: z
    .array(z.object({ delta: content, message: content, finish_reason: text }))
    .optional()
    .catch(undefined),
  usage: usageSchema,
  error: errorSchema.optional().catch(undefined),
});

/** Returns one chunk of a stream; null if the text is not a JSON object. */
export function parseChunk(data: string): Piece | null {
  return toPiece(parseJson(data), 'delta');
}

const completionSchema = z.union([
  z.object({ choices: z.array(z.unknown()) }),
  z.object({ error: errorSchema }),
]);

/** Returns a whole completion, or an error in its place. Null if the body is neither. */
export function parseCompletion(body: string): Piece | null {
  const value = parseJson(body);
  return completionSchema.safeParse(value).success ? toPiece(value, 'message') : null;
}

function toPiece(value: unknown, place: 'delta' | 'message'): Piece | null {
  const parsed = chunkSchema.safeParse(value);
  if (!parsed.success) return null;
  const { id, choices = [], usage, error } = parsed.data;
  const [choice] = choices;
  return {
    id: toMessageId(id),
    text: toStorableText(choice?.[place]?.content ?? ''),
    finishReason: choice?.finish_reason,
    hasToolCalls: (choice?.[place]?.tool_calls ?? []).length > 0,
    usage: toUsage(usage),
    error: error === undefined ? undefined : toErrorDetail(error),
  };
}

const minIdChars = 20;
const maxIdChars = 255;

/** Drops an id that cannot be stored, and a short one. Some servers draw ids from a thousand, or count. */
function toMessageId(id: string | undefined): string | undefined {
  if (id === undefined || id.length < minIdChars || id.length > maxIdChars) return undefined;
  return id === toStorableText(id) ? id : undefined;
}

function toUsage(usage: z.infer<typeof usageSchema>): Usage | null {
  const known = Object.entries(usage ?? {}).filter(
    (entry): entry is [string, number] => entry[1] !== undefined,
  );
  return known.length > 0 ? Object.fromEntries(known) : null;
}

const noError = { message: undefined, type: undefined, code: undefined };

/**
 * Returns the error in a body. Accepts any text, because proxies answer in HTML. Most servers send `{"error": {…}}`.
 * Some send `{"error": "…"}`, or the fields without `error`.
 */
export function parseErrorBody(body: string): ErrorDetail {
  const value = parseJson(body);
  const nested = z.object({ error: errorSchema }).safeParse(value);
  if (nested.success) return toErrorDetail(nested.data.error);
  return toErrorDetail(errorObject.catch(noError).parse(value));
}

function toErrorDetail({ message = '', type, code: given }: z.infer<typeof errorSchema>): ErrorDetail {
  return {
    message,
    names: [given, type].filter((name): name is string => typeof name === 'string'),
    status: typeof given === 'number' && given >= 400 && given <= 599 ? given : undefined,
  };
}

const modelListSchema = z.object({ data: z.array(z.object({ id: z.string() })) });

/** Returns the names in the reply of `GET /models`; null if the body is not such a list. */
export function parseModelNames(body: string): readonly string[] | null {
  const list = modelListSchema.safeParse(parseJson(body));
  return list.success ? list.data.data.map(({ id }) => id) : null;
}
