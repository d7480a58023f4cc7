import { z } from 'zod';

import type { ChatErrorCode } from '../../errors';
import type { Reply } from '../reply';

/** An error in the shape of OpenAI, in a reply and in a stream. */
export const openaiError = z.object({
  error: z
    .object({
      message: z.string().describe('What happened, and what to do.'),
      type: z.string().describe('The kind of error.'),
      param: z.string().nullable().describe('The wrong field.'),
      code: z.string().nullable().describe('The code of the error.'),
    })
    .describe('Why the request or the answer has failed.'),
});
export type OpenAIError = Reply<typeof openaiError>;

interface Row {
  readonly code: string;
  readonly status?: number;
  readonly message?: string;
}

/** Errors that OpenAI has a code for. The others keep this server's code. */
const rows: Readonly<Partial<Record<ChatErrorCode, Row>>> = {
  'character-not-found': {
    code: 'model_not_found',
    status: 404,
    message: 'The model does not exist. GET /models lists the models.',
  },
  unauthorized: { code: 'invalid_api_key' },
  'login-ended': { code: 'invalid_api_key' },
  'rate-limited': { code: 'rate_limit_exceeded' },
  'too-many-turns': { code: 'rate_limit_exceeded' },
  'token-limit-reached': { code: 'insufficient_quota' },
  'text-limit-reached': { code: 'insufficient_quota' },
};

export interface OpenAIFailure {
  readonly status: number;
  readonly body: OpenAIError;
}

/** Converts an error of this server, or of the framework if `code` is missing. `param` is the wrong field. */
export function toOpenAIError(error: {
  readonly code?: string | undefined;
  readonly status: number;
  readonly message: string;
  readonly param?: string | undefined;
}): OpenAIFailure {
  const { code = error.status === 401 ? 'unauthorized' : null, param = null } = error;
  const row = code === null ? undefined : (rows as Readonly<Record<string, Row>>)[code];
  const status = row?.status ?? error.status;
  return {
    status,
    body: {
      error: {
        message: row?.message ?? error.message,
        type: typeOf(status),
        param,
        code: row?.code ?? code,
      },
    },
  };
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
