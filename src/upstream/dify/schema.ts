/**
 * The parts of Dify's data that this server uses. Dify adds and removes events and fields in nearly every release, and
 * sends null for missing values. So every field is optional, and a value of another type counts as missing. The rest,
 * e.g. prompts and the inputs of nodes, is dropped here.
 */
import { z } from 'zod';

import { ChatError } from '../../chat/errors';
import { toStorableText } from '../../chat/shared/storable-text';
import type { Usage } from '../../chat/model/outcome';
import { withoutKey } from '../http/mask-secrets';
import { parseJson } from '../http/parse-json';

const text = z.string().optional().catch(undefined);
const maxIdChars = 255;
const id = z.string().min(1).max(maxIdChars).optional().catch(undefined);

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

/** A frame that can hold the text of an answer after its end: a step of an agent, or the end of a workflow. */
const lateFrameSchema = frameSchema.extend({
  event: z.enum(['agent_thought', 'workflow_finished']),
  id,
  thought: text,
  tool: text,
  data: z
    .object({ status: text, outputs: z.object({ answer: text, text }).optional().catch(undefined) })
    .optional()
    .catch(undefined),
});
type LateFrame = z.infer<typeof lateFrameSchema>;

const maxLinkChars = 8_192;

/** A file of a question or of an answer. */
const fileFrameSchema = frameSchema.extend({
  event: z.literal('message_file'),
  id: z.string().min(1).max(maxIdChars),
  type: z.string().min(1).max(64),
  belongs_to: text,
  url: z.string().min(1).max(maxLinkChars),
});
type FileFrame = z.infer<typeof fileFrameSchema>;

/** One `data:` frame of a streamed reply. Its texts are unchanged: code that uses one makes it storable first. */
export type DifyFrame = z.infer<typeof frameSchema> &
  Partial<Pick<LateFrame, 'id' | 'thought' | 'tool' | 'data'> & Pick<FileFrame, 'type' | 'belongs_to'>>;

/** Returns the event of a frame by the start of its JSON, where Dify writes it. Undefined if it is not there. */
export function eventOf(start: string): string | undefined {
  return /^\{"event": ?"(\w{1,64})"/u.exec(start)?.[1];
}

/** The needed part of a frame with words, like nearly every frame, once the ids of the reply are known. */
const wordFrameSchema = z.object({
  event: z.enum(['message', 'agent_message']),
  answer: z.string(),
});

/**
 * Returns the frame, or null if the line is not a JSON object with an `event`.
 * @param areIdsKnown whether a frame with words is returned without ids: all frames of a reply have the same.
 */
export function parseFrame(data: string, areIdsKnown = false): DifyFrame | null {
  const value = parseJson(data);
  for (const schema of schemasOf(value, areIdsKnown)) {
    const frame = schema.safeParse(value);
    if (frame.success) return frame.data;
  }
  return null;
}

/** Returns the schemas that a frame may match, by its event. A frame without its own fields still has the common ones. */
function schemasOf(value: unknown, areIdsKnown: boolean): readonly z.ZodType<DifyFrame>[] {
  const { event } = (value ?? {}) as { readonly event?: unknown };
  switch (event) {
    case 'message':
    case 'agent_message':
      return areIdsKnown ? [wordFrameSchema, frameSchema] : [frameSchema];
    case 'agent_thought':
    case 'workflow_finished':
      return [lateFrameSchema, frameSchema];
    case 'message_file':
      return [fileFrameSchema, frameSchema];
    default:
      return [frameSchema];
  }
}

export function toUsage(frame: DifyFrame): Usage | null {
  const known = Object.entries(frame.metadata?.usage ?? {}).filter(
    (entry): entry is [string, string | number] => entry[1] !== undefined,
  );
  return known.length > 0 ? Object.fromEntries(known) : null;
}

const errorBodySchema = z.object({ code: text, message: text });

/** The error that Dify sends instead of a stream. */
export type DifyErrorBody = z.infer<typeof errorBodySchema>;

/**
 * Accepts any text, because proxies in front of Dify answer in HTML.
 * @param apiKey the key of the request, which the message must not contain.
 */
export function parseErrorBody(body: string, apiKey = ''): DifyErrorBody {
  const { message, ...error } = errorBodySchema.catch({}).parse(parseJson(body));
  return message === undefined ? error : { ...error, message: withoutKey(message, apiKey) };
}

const inputFormSchema = z.object({ user_input_form: z.array(z.record(z.string(), z.unknown())) });
const variableSchema = z
  .object({ variable: z.string(), max_length: z.number().optional().catch(undefined) })
  .transform(({ variable, max_length }) => ({ name: variable, maxChars: max_length }));

/** A variable that a Dify app declares. `maxChars` is undefined if it has no maximum. */
export type InputVariable = z.output<typeof variableSchema>;

/**
 * Returns the variables in the reply of `GET /parameters`, e.g. `[{"paragraph": {"variable": "prompt", …}}]`.
 * @throws ChatError `upstream-malformed` for another reply, e.g. a page of a proxy.
 */
export function parseInputForm(body: string): readonly InputVariable[] {
  const form = inputFormSchema.safeParse(parseJson(body));
  if (!form.success) throw new ChatError('upstream-malformed');
  return form.data.user_input_form
    .flatMap((entry) => Object.values(entry))
    .flatMap((variable) => variableSchema.safeParse(variable).data ?? []);
}

const onSwitch = z.object({ enabled: z.boolean().catch(false) }).catch({ enabled: false });
const fileUploadSchema = z.object({
  file_upload: onSwitch
    .and(z.object({ image: onSwitch }).catch({ image: { enabled: false } }))
    .transform(({ enabled, image }) => enabled || image.enabled)
    .catch(false),
});

/** Returns whether an app takes files with a question: from `GET /parameters`, or from the configuration of the app. */
export function takesFiles(config: unknown): boolean {
  return fileUploadSchema.catch({ file_upload: false }).parse(config).file_upload;
}

const time = z
  .number()
  .transform((epochSeconds) => new Date(epochSeconds * 1000))
  .optional()
  .catch(undefined);

const messageFileSchema = z.object({
  id: z.string().min(1).max(maxIdChars).transform(toStorableText),
  type: z.string().min(1).max(64).transform(toStorableText),
  belongs_to: text,
  url: z.string().min(1).max(maxLinkChars).transform(toStorableText),
});

const toMessageFiles = (files: readonly unknown[]) =>
  files.flatMap((file) => messageFileSchema.safeParse(file).data ?? []);

const requiredId = z.string().min(1).max(255).transform(toStorableText);

const steps = z
  .array(z.object({ thought: text, tool: text }))
  .optional()
  .catch(undefined);

/**
 * Returns the text of an agent's steps. Dify keeps it there if the answer lost its reader. Empty before the last step,
 * which calls no tool and has text.
 */
export function textOfSteps(all: z.output<typeof steps> = []): string {
  const last = all.at(-1);
  const isDone = (last?.thought ?? '') !== '' && (last?.tool ?? '') === '';
  return isDone ? all.map(({ thought = '' }) => thought).join('') : '';
}

const messageSchema = z
  .object({
    id: requiredId,
    query: text,
    answer: text,
    status: text,
    agent_thoughts: steps,
    created_at: time,
    message_files: z.array(z.unknown()).optional().catch(undefined),
  })
  .transform(({ id, query, answer = '', status, agent_thoughts, created_at, message_files = [] }) => {
    const saved = answer === '' ? textOfSteps(agent_thoughts) : answer;
    return {
      id,
      query,
      // An answer that is being generated or was lost is empty.
      answer: status === 'error' || saved === '' ? null : toStorableText(saved),
      createdAt: created_at,
      files: toMessageFiles(message_files).flatMap(({ belongs_to: owner, ...file }) =>
        owner === 'assistant' ? [file] : [],
      ),
    };
  });

/** A question that Dify has saved. Its answer is null unless it is complete and without an error. */
export type SavedMessage = z.output<typeof messageSchema>;

/** Returns a page of `GET /messages`, oldest first. Leaves out invalid messages; an invalid page is empty. */
export function parseSavedMessages(body: string): readonly SavedMessage[] {
  return parseItems(body, messageSchema) ?? [];
}

const uploadSchema = z.object({ id: requiredId });

/** Returns the id in the reply to an upload; null if it has none. */
export function parseUpload(body: string): string | null {
  return uploadSchema.safeParse(parseJson(body)).data?.id ?? null;
}

const messageFilesSchema = z
  .object({ id: requiredId, message_files: z.array(z.unknown()).optional().catch(undefined) })
  .transform(({ id, message_files = [] }) => ({
    id,
    files: toMessageFiles(message_files),
  }));

/** Returns the files of each message of a page, oldest first. It is as tolerant as `parseSavedMessages`. */
export function parseMessageFiles(body: string): readonly z.output<typeof messageFilesSchema>[] {
  return parseItems(body, messageFilesSchema) ?? [];
}

const conversationSchema = z
  .object({ id: requiredId, created_at: time })
  .transform(({ id, created_at }) => ({ id, createdAt: created_at }));

/** Returns a page of `GET /conversations`. It is as tolerant as `parseSavedMessages`. */
export function parseConversations(body: string): readonly z.output<typeof conversationSchema>[] {
  return parseItems(body, conversationSchema) ?? [];
}

const pageSchema = z.object({ data: z.array(z.unknown()) });

/** Returns the valid items in their order; null if the body is not a page. */
function parseItems<T>(body: string, schema: z.ZodType<T>): T[] | null {
  const page = pageSchema.safeParse(parseJson(body));
  if (!page.success) return null;
  return page.data.data.flatMap((item) => {
    const parsed = schema.safeParse(item);
    return parsed.success ? [parsed.data] : [];
  });
}

/** A user cannot choose between more suggestions, and does not read longer ones. */
const maxSuggestions = 10;
const maxSuggestionChars = 1_000;

const suggestion = z.string().trim().min(1).max(maxSuggestionChars).transform(toStorableText);

/** Returns the questions of `GET /messages/:message_id/suggested`; null if the body is not a list of them. */
export function parseSuggestions(body: string): readonly string[] | null {
  return parseItems(body, suggestion)?.slice(0, maxSuggestions) ?? null;
}
