import { Readable } from 'node:stream';

import type { Response } from './call';

/**
 * Returns whether a response is an event stream, and a body that has all bytes. Some gateways drop the content type.
 * Then the first bytes decide.
 */
export async function detectEventStream({
  contentType,
  body,
}: Response): Promise<{ readonly isEventStream: boolean; readonly body: Readable }> {
  if (contentType !== '')
    return { isEventStream: /^\s*text\/event-stream\s*(;|$)/iu.test(contentType), body };
  const { start, whole } = await peek(body);
  return { isEventStream: /^(?:data|event|id|retry)?:/u.test(start), body: whole };
}

/** The length of the longest name of a field and its colon: `event:`. */
const fieldChars = 6;
/** A reply that begins with more blank bytes than this is no event stream. */
const maxBlankBytes = 4_096;

/** Reads the first characters that are not blank. @returns them, and a body that has all bytes. */
async function peek(body: Readable): Promise<{ readonly start: string; readonly whole: Readable }> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let start = '';
  for await (const chunk of body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    start = Buffer.concat(chunks)
      .toString('utf8')
      .replace(/^[\uFEFF\s]+/u, '');
    if (start.length >= fieldChars || bytes >= maxBlankBytes) break;
  }
  // A body that has ended takes no bytes back.
  if (body.readableEnded) return { start, whole: Readable.from(chunks) };
  body.unshift(Buffer.concat(chunks));
  return { start, whole: body };
}
