import { createDifyClient } from '../../../src/upstream/dify/client';
import type { Upstream, UpstreamQuestion, ReplyEvent } from '../../../src/chat/ports/upstream';
import type { DifySettings } from '../../../src/chat/settings';
import type { DifyEmulator, Reply } from '../../dify-emulator';

/** Returns settings with long timeouts, so that none passes by accident on a busy machine. */
export function difySettings(
  dify: Pick<DifyEmulator, 'url' | 'apiKey'>,
  overrides: Partial<DifySettings> = {},
): DifySettings {
  return {
    apiUrl: `${dify.url}/v1`,
    apiKey: dify.apiKey,
    promptInput: 'prompt',
    deleteConversations: false,
    maxFrameChars: 1_000_000,
    connectTimeoutMs: 5_000,
    firstByteTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
    totalTimeoutMs: 10_000,
    endTimeoutMs: 5_000,
    answersAtOnce: 0,
    queueMs: 5_000,
    spaceQuestions: false,
    ...overrides,
  };
}

export function difyClient(settings: DifySettings, warnings: string[] = []): Upstream {
  return createDifyClient({ settings, warn: (message) => warnings.push(message) });
}

export const question: UpstreamQuestion = {
  query: 'How is the sea?',
  inputs: {},
  prompt: 'You are Ada, a lighthouse keeper.',
  user: 'user-ada',
  conversationId: null,
  parentMessageId: null,
};

export interface Answer {
  readonly events: readonly ReplyEvent[];
  readonly text: string;
  readonly error: unknown;
}

/** Asks Dify and reads the reply to its end, even if it fails. */
export async function askDify(client: Upstream, asked: Partial<UpstreamQuestion> = {}): Promise<Answer> {
  const events: ReplyEvent[] = [];
  const error = await client
    .ask({ ...question, ...asked }, (batch) => events.push(...batch))
    .then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
  return { events, text: textOf(events), error };
}

/** Asks Dify and reads the reply in batches. `next` returns null after the last batch. */
export function readDify(client: Upstream): { next(): Promise<readonly ReplyEvent[] | null> } {
  const waiting: ((batch: readonly ReplyEvent[] | null) => void)[] = [];
  const batches: (readonly ReplyEvent[] | null)[] = [];
  const put = (batch: readonly ReplyEvent[] | null) => {
    const reader = waiting.shift();
    if (reader === undefined) batches.push(batch);
    else reader(batch);
  };
  void client.ask(question, put).finally(() => put(null));
  return {
    next: () => {
      const batch = batches.shift();
      return batch === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(batch);
    },
  };
}

export function textOf(events: readonly ReplyEvent[]): string {
  return events.reduce((text, event) => {
    if (event.type === 'delta') return text + event.text;
    return event.type === 'replaced' ? event.text : text;
  }, '');
}

/** Holds the next reply open. The test decides what Dify sends, and when. */
export function heldReply(dify: DifyEmulator): Promise<Reply> {
  return new Promise((resolve) => dify.script(async (reply) => resolve(reply)));
}
