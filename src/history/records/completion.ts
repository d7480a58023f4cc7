import { randomUUID } from 'node:crypto';

import { z } from 'zod';

import { parse } from '../../chat/contract/invalid-request';
import { isShallow } from '../../chat/shared/json-depth';
import { toStorableJson, toStorableText } from '../../chat/shared/storable-text';
import { toNanos } from './price';
import type { HistoryRecord } from '../model/record';

/** A message in OpenAI's format, with any further fields: `name`, `tool_calls`, … */
export interface CompletionMessage {
  readonly role: string;
  readonly content?: string | readonly unknown[] | null;
  readonly [key: string]: unknown;
}

/**
 * A reply of OpenAI's chat completions. The type names the fields that the history reads; the history keeps all
 * fields.
 */
export interface CompletionResponse {
  readonly choices: readonly {
    readonly message: CompletionMessage;
    readonly finish_reason?: string | null;
    readonly [key: string]: unknown;
  }[];
  readonly usage?: {
    readonly prompt_tokens?: number;
    readonly completion_tokens?: number;
    readonly total_tokens?: number;
    readonly [key: string]: unknown;
  } | null;
  readonly [key: string]: unknown;
}

type CompletionContext = CompletionFields & CompletionKey & CompletionModel;

/** The model can have either name. `modelName` is that of the history's contract. */
type CompletionModel =
  | { readonly model: string; readonly modelName?: never }
  | { readonly model?: never; readonly modelName: string };

interface CompletionFields {
  /** Any text of up to 255 characters. Completions of one conversation have the same text. */
  readonly conversationId: string;
  /** The row id of the user. */
  readonly userId: number;
  readonly messages: readonly CompletionMessage[];
  /** Ids of a gateway in front of the application. */
  readonly tokenId?: number | null;
  readonly channelId?: number | null;
  /** The `documentId` of an AI character. */
  readonly characterId?: string | null;
  /** Time from the question to the end of the answer. */
  readonly latencyMs?: number | null;
  /** Time from the question to the first text of the answer. */
  readonly firstTokenMs?: number | null;
}

/**
 * A second save with the same `recordId` and `createdAt` adds nothing. Without `recordId`, every call adds a record.
 */
type CompletionKey =
  | {
      /** Up to 64 characters. */
      readonly recordId: string;
      /** Time of the question. It decides the partition, so every attempt to save must give the same time. */
      readonly createdAt: Date;
    }
  | {
      readonly recordId?: never;
      /** Time of the question. The default is now. */
      readonly createdAt?: Date;
    };

export type ChatCompletion = CompletionContext & {
  readonly response: CompletionResponse;
  /** The cost: a decimal number as text (`0.0012`), and an ISO 4217 code. */
  readonly price?: { readonly amount: string; readonly currency: string } | null;
};

export type FailedCompletion = CompletionContext & {
  /** An HTTP status or a code. */
  readonly errorCode: string | number;
  /** The history keeps the first 10,000 characters. */
  readonly errorMessage: string;
  /** The text that had arrived, if any. */
  readonly partialText?: string;
};

/** A record before its user is found. */
export type CompletedRecord = Omit<HistoryRecord, 'userDocumentId'> & { readonly userId: number };

/** The largest integer that every database accepts. */
const maxInteger = 2_147_483_647;

/** OpenAI's replies with `logprobs` have nine levels. */
const maxDepth = 32;

const maxErrorMessageLength = 10_000;

const text = (min: number, max: number) =>
  z
    .string('must be text')
    .min(min, 'is empty')
    .max(max, `can be at most ${max} characters long`)
    .transform(toStorableText);

const count = z
  .number('must be a number')
  .int('must be a whole number')
  .min(0, 'cannot be negative')
  .max(maxInteger, `can be at most ${maxInteger}`);

const shallow = (value: unknown) => isShallow(value, maxDepth);

const message = z.looseObject({
  role: text(1, 64),
  content: z.union([z.string(), z.array(z.unknown()), z.null()], 'must be text, parts or null').optional(),
});

const context = {
  conversationId: text(1, 255),
  userId: count.min(1, 'must be the id of a user'),
  messages: z
    .array(message, 'must be a list of messages')
    .min(1, 'is empty')
    .refine(shallow, 'is nested too deeply')
    .transform((all) => all.map(toStorableJson)),
  model: text(1, 255).optional(),
  modelName: text(1, 255).optional(),
  tokenId: count.nullish(),
  channelId: count.nullish(),
  characterId: text(1, 64).nullish(),
  recordId: text(1, 64).optional(),
  createdAt: z.date('must be a Date').optional(),
  latencyMs: count.nullish(),
  firstTokenMs: count.nullish(),
};

/** Zod issue for a record without the name of a model. */
const withoutModel = { path: ['model'], error: 'must name the model' };

function hasModel({ model, modelName }: z.output<z.ZodObject<typeof context>>): boolean {
  return (model ?? modelName) !== undefined;
}

/** Zod issue for a record id without its time. */
const withoutTime = {
  path: ['createdAt'],
  error: 'must be given with recordId: both are the same for every try',
};

function hasTime({ recordId, createdAt }: z.output<z.ZodObject<typeof context>>): boolean {
  return recordId === undefined || createdAt !== undefined;
}

const completion = z
  .object({
    ...context,
    response: z
      .looseObject({
        choices: z.array(z.looseObject({ message }), 'must be a list').min(1, 'is empty'),
        usage: z
          .looseObject({
            prompt_tokens: count.optional(),
            completion_tokens: count.optional(),
            total_tokens: count.optional(),
          })
          .nullish(),
      })
      .refine(shallow, 'is nested too deeply'),
    price: z
      .object({
        amount: z
          .string('must be a decimal number as text')
          .transform(toNanos)
          .refine((nanos): nanos is number => nanos !== null, 'must be a decimal number as text'),
        currency: z.string().regex(/^[A-Z]{3}$/u, 'must be an ISO 4217 code'),
      })
      .nullish(),
  })
  .refine(hasTime, withoutTime)
  .refine(hasModel, withoutModel);

const failure = z
  .object({
    ...context,
    errorCode: z.union([text(1, 64), z.number().int().transform(String)], 'must be a code'),
    errorMessage: z.string('must be text').transform(toErrorMessage),
    partialText: z.string('must be text').transform(toStorableText).default(''),
  })
  .refine(hasTime, withoutTime)
  .refine(hasModel, withoutModel);

/**
 * Converts a completion into a record.
 * @throws ChatError `invalid-request` naming the field.
 */
export function toCompletionRecord(input: ChatCompletion): CompletedRecord {
  const { response, price, ...rest } = parse(completion, input ?? {});
  const { prompt_tokens: prompt = 0, completion_tokens: completed = 0 } = response.usage ?? {};
  return {
    ...toContext(rest),
    response: toStorableJson(response),
    usage: {
      promptTokens: prompt,
      completionTokens: completed,
      totalTokens: response.usage?.total_tokens ?? prompt + completed,
      priceNanos: price?.amount ?? 0,
      currency: price?.currency ?? '',
    },
    error: null,
  };
}

/**
 * Converts a failed completion into a record.
 * @throws ChatError `invalid-request` naming the field.
 */
export function toErrorRecord(input: FailedCompletion): CompletedRecord {
  const { errorCode, errorMessage, partialText, ...rest } = parse(failure, input ?? {});
  return {
    ...toContext(rest),
    response: null,
    usage: { promptTokens: 0, completionTokens: 0, totalTokens: 0, priceNanos: 0, currency: '' },
    error: {
      code: errorCode,
      message: errorMessage,
      phase: partialText === '' ? 'before-answer' : 'during-answer',
      partialText,
    },
  };
}

function toErrorMessage(given: string): string {
  const start = toStorableText(given).slice(0, maxErrorMessageLength);
  // The cut can leave half of a surrogate pair.
  return start.isWellFormed() ? start : start.slice(0, -1);
}

function toContext(
  given: z.output<z.ZodObject<typeof context>>,
): Omit<CompletedRecord, 'response' | 'usage' | 'error'> {
  return {
    recordId: given.recordId ?? randomUUID(),
    conversationId: given.conversationId,
    userId: given.userId,
    formerUserId: null,
    characterId: given.characterId ?? null,
    tokenId: given.tokenId ?? null,
    channelId: given.channelId ?? null,
    model: given.model ?? given.modelName ?? '',
    messages: given.messages,
    latencyMs: given.latencyMs ?? null,
    firstTokenMs: given.firstTokenMs ?? null,
    createdAt: given.createdAt ?? new Date(),
  };
}
