import { isUtf8 } from 'node:buffer';

import type { Context } from 'koa';

import { ChatError, invalidRequest, isShallow } from '../../chat';
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
  const body = parseJson(await readBody(ctx, maxBytes));
  if (!isShallow(body, maxDepth)) throw invalidRequest(`The body can be at most ${maxDepth} levels deep.`);
  lowerIdsInBody(body);
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
