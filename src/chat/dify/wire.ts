/**
 * What Dify sends, as far as it concerns us. Dify adds events and fields in nearly every release, leaves others out,
 * and sends null where it has nothing; so every field is optional, a value of another type counts as missing, and
 * the rest (node inputs and outputs, prompts, agent thoughts) is dropped right here.
 */
import { z } from 'zod';

import { toStorableText } from '../storable-text';
import type { Usage } from '../turn-event';

const text = z.string().optional().catch(undefined);
const id = z.string().min(1).max(255).transform(toStorableText).optional().catch(undefined);

const usageValue = z
  .union([z.string().max(64).transform(toStorableText), z.number()])
  .optional()
  .catch(undefined);

const usageSchema = z.object({
  prompt_tokens: usageValue,
  prompt_unit_price: usageValue,
  prompt_price_unit: usageValue,
  prompt_price: usageValue,
  completion_tokens: usageValue,
  completion_unit_price: usageValue,
  completion_price_unit: usageValue,
  completion_price: usageValue,
  total_tokens: usageValue,
  total_price: usageValue,
  currency: usageValue,
  latency: usageValue,
});

const frameSchema = z.object({
  event: z.string(),
  task_id: id,
  message_id: id,
  conversation_id: id,
  answer: text,
  url: text,
  code: text,
  status: z.number().optional().catch(undefined),
  message: text,
  metadata: z
    .object({ usage: usageSchema.optional().catch(undefined) })
    .optional()
    .catch(undefined),
});

/** One `data:` frame of a streamed reply. */
export type DifyFrame = z.infer<typeof frameSchema>;

/** The frame, or null when the line is no JSON object with an `event`. */
export function parseFrame(data: string): DifyFrame | null {
  const frame = frameSchema.safeParse(parseJson(data));
  return frame.success ? frame.data : null;
}

export function toUsage(frame: DifyFrame): Usage | null {
  const known = Object.entries(frame.metadata?.usage ?? {}).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  return known.length > 0 ? Object.fromEntries(known) : null;
}

const errorBodySchema = z.object({ code: text, message: text });

/** The error Dify answers with instead of a stream. */
export type DifyErrorBody = z.infer<typeof errorBodySchema>;

/** Tolerates anything: proxies in front of Dify answer in HTML. */
export function parseErrorBody(body: string): DifyErrorBody {
  return errorBodySchema.catch({}).parse(parseJson(body));
}

const messagesSchema = z.object({
  data: z.array(z.object({ id, answer: text, status: text }).catch({})),
});

/** The answer of this message on a page of `GET /messages`; null unless Dify has saved one, and all went well. */
export function parseSavedAnswer(body: string, messageId: string): string | null {
  const page = messagesSchema.safeParse(parseJson(body));
  const message = page.data?.data.find((item) => item.id === messageId);
  if (message === undefined || message.status === 'error' || message.answer === undefined) return null;
  // While it is being generated, and when it was lost, it is empty.
  return message.answer === '' ? null : toStorableText(message.answer);
}

/** Undefined for what is no JSON: no schema here takes that for anything. */
function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
