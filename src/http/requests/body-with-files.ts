import { isUtf8 } from 'node:buffer';
import { setImmediate } from 'node:timers/promises';

import type { Context } from 'koa';

import { ChatError, invalidRequest, isShallow } from '../../chat';
import { hasMoreTokens } from './json-tokens';
import { lowerIdsInBody } from './lower-case-ids';
import { hasBody, readBody } from './request-body';

/**
 * The routes whose JSON body can have files in it. Their body is read after the login is checked, because it can be
 * large. In the plugin, a prefix can stand before the path.
 */
const paths = /^\/api\/([\w-]+\/)?(openai\/v1\/chat\/completions|ai-sdk\/chat)\/?$/iu;

export const takesBodyWithFiles = (ctx: Context): boolean => ctx.method === 'POST' && paths.test(ctx.path);

/** Bodies of clients are far less deep. Functions that follow each level would overflow the stack. */
const maxDepth = 100;

/**
 * The body can be large for its files, which are few long strings. Many small values would block the event loop for
 * seconds. A message of the AI SDK has about 40 tokens, and one of OpenAI about 7.
 */
const maxTokens = 200_000;
const largeBytes = 100_000;

/**
 * Reads the JSON body of such a route.
 * @throws ChatError `payload-too-large`, `unsupported-media-type`, `invalid-request`
 */
export async function readBodyWithFiles(ctx: Context, maxBytes: number): Promise<unknown> {
  if (!hasBody(ctx)) return undefined;
  if (!ctx.is('json', '+json')) {
    throw new ChatError('unsupported-media-type', {
      sentence: 'Send JSON with the header "Content-Type: application/json".',
    });
  }
  const bytes = await readBody(ctx, maxBytes);
  if (hasMoreTokens(bytes, maxTokens)) {
    throw new ChatError('payload-too-large', {
      sentence: 'The body has too many values. Send fewer messages.',
    });
  }
  const body = parseJson(bytes);
  if (!isShallow(body, maxDepth)) throw invalidRequest(`The body can be at most ${maxDepth} levels deep.`);
  lowerIdsInBody(body);
  // To check a large body takes as long as to parse it. Other requests run between.
  if (bytes.length > largeBytes) await setImmediate();
  return body;
}

function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw invalidRequest('The body must be UTF-8.');
  try {
    return JSON.parse(bytes.toString()) as unknown;
  } catch {
    throw invalidRequest('The body must be valid JSON.');
  }
}
