import type { ReplyEvent } from '../../../src/chat/ports/upstream';
import { toChatError, type ChatErrorCode } from '../../../src/chat/errors';
import type { IncomingReply } from '../../../src/upstream/http/read-reply';
import { createStreamedReply, createWholeReply } from '../../../src/upstream/openai/reply';

let warnings: string[];
const options = {
  taskId: 'task',
  apiKey: 'sk-emulated',
  maxFrameChars: 10_000,
  warn: (message: string) => void warnings.push(message),
};

beforeEach(() => {
  warnings = [];
});

const frame = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`;
const says = (content: unknown) => frame({ choices: [{ delta: { content } }] });
const finishes = (reason: unknown) => frame({ choices: [{ delta: {}, finish_reason: reason }] });
const uses = (total: number) => frame({ choices: [], usage: { total_tokens: total } });
const done = 'data: [DONE]\n\n';

interface Read {
  readonly events: readonly ReplyEvent[];
  readonly code: ChatErrorCode | undefined;
}

/** Reads a stream that sends these bytes. Its body then ends, if the reply has not ended before. */
function read(...frames: readonly string[]): Read {
  return readAll(createStreamedReply(options), [Buffer.from(frames.join(''))]);
}

function readAll(reply: IncomingReply, chunks: readonly Buffer[]): Read {
  const events: ReplyEvent[] = [];
  for (const next of [...chunks.map((chunk) => () => reply.take(chunk)), () => reply.end()]) {
    const batch = next();
    events.push(...batch.events);
    if (batch.failure !== undefined) return { events, code: toChatError(batch.failure).code };
    if (events.at(-1)?.type === 'completed') break;
  }
  return { events, code: undefined };
}

const delta = (text: string): ReplyEvent => ({ type: 'delta', text });
const completed = (total: number | null = null): ReplyEvent => ({
  type: 'completed',
  usage: total === null ? null : { total_tokens: total },
});

describe('createStreamedReply', () => {
  it.each([
    ['a finish reason, the usage and [DONE]', [finishes('stop'), uses(7), done], 7],
    ['a finish reason with the usage before it', [uses(7), finishes('stop'), done], 7],
    ['usage that grows with each chunk', [uses(1), uses(7), finishes('stop'), done], 7],
    ['a finish reason alone', [finishes('stop')], null],
    ['a finish reason and the usage', [finishes('stop'), uses(7)], 7],
    ['[DONE] alone', [done], null],
    ['[DONE] without its empty line', [finishes('stop'), 'data: [DONE]'], null],
    ['[DONE] with a space', [finishes('stop'), 'data: [DONE] \n\n'], null],
    ['a finish reason that is not known', [finishes('eos_token'), done], null],
    ['the end at max_tokens', [finishes('length'), done], null],
  ])('completes an answer with text by %s', (_name, end, total) => {
    expect(read(says('Hello'), ...end)).toEqual({
      events: [delta('Hello'), completed(total)],
      code: undefined,
    });
  });

  it.each([
    ['no end', []],
    ['null as the finish reason', [finishes(null)]],
    ['half of the finish reason', [finishes('stop').slice(0, -20)]],
  ])('does not complete an answer with %s', (_name, end) => {
    expect(read(says('Hello'), ...end)).toEqual({ events: [delta('Hello')], code: undefined });
    expect(warnings).toEqual([]);
  });

  it.each<[string, ChatErrorCode]>([
    ['content_filter', 'upstream-rejected'],
    ['error', 'upstream-failed'],
    ['abort', 'upstream-interrupted'],
    ['insufficient_system_resource', 'upstream-interrupted'],
  ])('fails an answer that ends with %s', (reason, code) => {
    for (const end of [[finishes(reason), done], [finishes(reason)]])
      expect(read(says('Hello'), ...end)).toEqual({ events: [delta('Hello')], code });
  });

  it('completes an empty answer with the reason stop', () => {
    expect(read(finishes('stop'), done)).toEqual({ events: [completed()], code: undefined });
  });

  it.each([
    ['length', [finishes('length'), done]],
    ['a tool call', [frame({ choices: [{ delta: { tool_calls: [{}] }, finish_reason: 'stop' }] }), done]],
    ['no reason', [done]],
    ['the name of a property', [finishes('constructor'), done]],
  ])('fails an answer without text that ends with %s', (_name, frames) => {
    expect(read(...frames)).toEqual({ events: [], code: 'upstream-failed' });
  });

  it('is ending from the finish reason on', () => {
    const reply = createStreamedReply(options);
    reply.take(Buffer.from(says('Hello')));
    expect(reply.isEnding()).toBe(false);
    reply.take(Buffer.from(finishes('stop')));
    expect(reply.isEnding()).toBe(true);
  });

  it('identifies the answer once, by the first usable id', () => {
    const ids = ['', 'short', 'x'.repeat(30), 'y'.repeat(30)];
    const { events } = read(...ids.map((id) => frame({ id, choices: [] })), says('Hello'), done);
    expect(events[0]).toEqual({
      type: 'identified',
      taskId: 'task',
      messageId: 'x'.repeat(30),
      conversationId: undefined,
    });
    expect(events.slice(1)).toEqual([delta('Hello'), completed()]);
  });
});

describe('createWholeReply', () => {
  const read = (body: string): Read => {
    const bytes = Buffer.from(body);
    return readAll(createWholeReply(options), [bytes.subarray(0, 20), bytes.subarray(20)]);
  };

  it('reads the answer and the usage', () => {
    const choices = [{ message: { content: '大海，你好' }, finish_reason: 'stop' }];
    expect(read(JSON.stringify({ choices, usage: { total_tokens: 7 } }))).toEqual({
      events: [delta('大海，你好'), completed(7)],
      code: undefined,
    });
  });

  it.each<[string, string, ChatErrorCode]>([
    ['a page', '<html></html>', 'upstream-malformed'],
    ['half of an object', '{"choices":[{"message":{"content":"Hel', 'upstream-malformed'],
    ['an error', '{"error":"out of memory"}', 'upstream-failed'],
    ['no choice', '{"choices":[]}', 'upstream-failed'],
    ['a long body', ' '.repeat(40_000), 'upstream-malformed'],
  ])('fails for %s', (_name, body, code) => {
    expect(read(body)).toEqual({ events: [], code });
  });
});
