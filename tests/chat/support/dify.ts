import {
  createDifyClient,
  type DifyClient,
  type DifyQuestion,
  type DifySettings,
} from '../../../src/chat/dify/client';
import type { ReplyEvent } from '../../../src/chat/dify/to-reply-event';
import type { DifyEmulator, Reply } from '../../dify-emulator';
import { attempt } from './collect';

/** Roomy, so that on a busy machine no deadline passes that a test did not mean to. */
export function difySettings(
  dify: Pick<DifyEmulator, 'url' | 'apiKey'>,
  overrides: Partial<DifySettings> = {},
): DifySettings {
  return {
    apiUrl: `${dify.url}/v1`,
    apiKey: dify.apiKey,
    promptInput: 'prompt',
    maxFrameChars: 1_000_000,
    connectTimeoutMs: 5_000,
    firstByteTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
    totalTimeoutMs: 10_000,
    ...overrides,
  };
}

export function difyClient(settings: DifySettings, warnings: string[] = []): DifyClient {
  return createDifyClient({ settings, warn: (message) => warnings.push(message) });
}

export const question: DifyQuestion = {
  query: 'How is the sea?',
  inputs: {},
  prompt: 'You are Ada, a lighthouse keeper.',
  user: 'user-ada',
  conversationId: null,
};

export interface Answer {
  readonly events: readonly ReplyEvent[];
  readonly text: string;
  readonly error: unknown;
}

/** Asks and reads to the end, whichever end it is. */
export async function askDify(client: DifyClient, asked: Partial<DifyQuestion> = {}): Promise<Answer> {
  const { items, error } = await attempt(client.ask({ ...question, ...asked }));
  const events = items.flat();
  return { events, text: textOf(events), error };
}

export function textOf(events: readonly ReplyEvent[]): string {
  return events.reduce((text, event) => {
    if (event.type === 'delta') return text + event.text;
    return event.type === 'replaced' ? event.text : text;
  }, '');
}

/** The next reply, held open: the test says what Dify sends, and when. */
export function heldReply(dify: DifyEmulator): Promise<Reply> {
  return new Promise((resolve) => dify.script(async (reply) => resolve(reply)));
}
