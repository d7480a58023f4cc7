import { STATUS_CODES } from 'node:http';

import { z } from 'zod';

import { chatErrors, schemas, toDifyError, toOpenAIError, type ChatErrorCode } from '../../chat';
import type { ErrorShape } from '../../http/error-shape';
import { toComponent, type Json } from './json';

const text = { type: 'string' };
const number = { type: 'integer' };
const details = (
  code: Json = { ...text, description: 'For programs. Missing in an error of Strapi itself.' },
) => ({
  type: 'object',
  properties: { code },
  additionalProperties: true,
});
const always = { data: { type: 'null', description: 'Always null.' } };
const message = {
  ...text,
  description: 'A fixed sentence for people, unless it names the part of the request that is wrong.',
};

const { $schema: _, ...ofOpenAI } = z.toJSONSchema(schemas.openaiError);

/** The components for errors. */
export const errorComponents: Readonly<Record<string, Json>> = {
  Error: {
    type: 'object',
    required: ['data', 'error'],
    properties: {
      ...always,
      error: {
        type: 'object',
        description: 'What went wrong.',
        required: ['status', 'name', 'message', 'details'],
        properties: {
          status: { ...number, description: 'The HTTP status.' },
          name: { ...text, description: "`ChatError`, or the name of Strapi's error." },
          message,
          details: {
            ...details(),
            description:
              'The `code`, the ids that belong to it, e.g. the running `turn_id`, and all problems of a body as `errors`.',
          },
        },
      },
    },
  },
  SessionError: {
    type: 'object',
    required: ['code', 'message', 'data', 'error'],
    properties: {
      code: { ...number, description: 'The status.' },
      message,
      ...always,
      error: { ...details(), description: 'The `code`, and the ids that belong to it.' },
    },
  },
  DifyError: {
    type: 'object',
    required: ['code', 'message', 'status'],
    properties: { code: text, message: text, status: number },
  },
  OpenAIError: ofOpenAI as Json,
};

/** Returns the responses for errors of a route, by status. */
export function toErrorResponses(
  shape: ErrorShape,
  codes: readonly ChatErrorCode[],
  statuses: readonly number[] = [],
): Readonly<Record<string, Json>> {
  const byStatus = new Map<number, ChatErrorCode[]>(statuses.map((status) => [status, []]));
  for (const code of new Set(codes)) {
    const { status } = sentOf(shape, code);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, all]) => [status, toResponse(shape, status, all)]));
}

function toResponse(shape: ErrorShape, status: number, codes: readonly ChatErrorCode[]): Json {
  const lines = codes.map((code) => toLine(shape, code));
  return {
    description: lines.length === 0 ? (STATUS_CODES[status] ?? '') : [...new Set(lines)].join('\n'),
    ...((status === 429 || status === 503) && { headers: retryAfter }),
    content: { 'application/json': { schema: toSchema(shape, status, codes) } },
  };
}

/** Returns the code, its sentence and what to do. Some sentences already say it. Dify's clients know Dify's codes. */
function toLine(shape: ErrorShape, code: ChatErrorCode): string {
  const { code: name, message } = sentOf(shape, code);
  const { advice } = chatErrors[code];
  const isSaid = shape === 'dify' || message.includes(advice);
  return `- \`${name}\`: ${message}${isSaid ? '' : ` ${advice}`}`;
}

const retryAfter = { 'Retry-After': { description: 'Seconds to wait.', schema: number } };

function toSchema(shape: ErrorShape, status: number, codes: readonly ChatErrorCode[]): Json {
  if (codes.length === 0) return toComponent(components[shape]);
  const names = codes.map((code) => sentOf(shape, code).code);
  const ofFramework = shape === 'dify' ? [toDifyError({ status, message: '' }).code] : [];
  const code = { enum: [...new Set([...names, ...ofFramework])] };
  return { allOf: [toComponent(components[shape]), { properties: inShape(shape, code) }] };
}

const components = {
  strapi: 'Error',
  envelope: 'SessionError',
  dify: 'DifyError',
  openai: 'OpenAIError',
} as const;

/** Returns the properties that hold the code. */
function inShape(shape: ErrorShape, code: Json): Json {
  if (shape === 'dify') return { code };
  // The framework's errors have no code.
  if (shape === 'openai') return { error: { type: 'object', properties: { code: orNull(code) } } };
  if (shape === 'envelope') return { error: details(code) };
  return { error: { type: 'object', properties: { details: details(code) } } };
}

const orNull = (code: Json): Json => ({ anyOf: [code, { type: 'null' }] });

/** Returns what a client gets of an error. */
function sentOf(shape: ErrorShape, code: ChatErrorCode): { code: string; status: number; message: string } {
  const { status, sentence: message } = chatErrors[code];
  if (shape === 'dify') return toDifyError({ code, status, message });
  if (shape === 'strapi' || shape === 'envelope') return { code, status, message };
  const failure = toOpenAIError({ code, status, message });
  const { error } = failure.body;
  return { code: error.code ?? code, status: failure.status, message: error.message };
}
