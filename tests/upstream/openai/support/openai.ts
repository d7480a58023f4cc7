import type { Upstream } from '../../../../src/chat/ports/upstream';
import { createOpenAiClient } from '../../../../src/upstream/openai/client';
import type { OpenAiSettings } from '../../../../src/upstream/openai/settings';

/** Returns settings with long timeouts, so that none passes by accident on a busy machine. */
export function openAiSettings(
  server: { readonly url: string; readonly apiKey: string },
  overrides: Partial<OpenAiSettings> = {},
): OpenAiSettings {
  return {
    baseUrl: server.url,
    apiKey: server.apiKey,
    model: 'emulated-model',
    historyTokens: 1_000,
    maxFrameChars: 1_000_000,
    connectTimeoutMs: 5_000,
    firstByteTimeoutMs: 5_000,
    idleTimeoutMs: 5_000,
    totalTimeoutMs: 10_000,
    endTimeoutMs: 5_000,
    ...overrides,
  };
}

export function openAiClient(settings: OpenAiSettings, warnings: string[] = []): Upstream {
  return createOpenAiClient({ settings, warn: (message) => warnings.push(message) });
}
