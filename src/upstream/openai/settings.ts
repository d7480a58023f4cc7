import type { DeadlineSettings } from '../../chat/settings';

/** How one OpenAI-compatible server is asked. */
export interface OpenAiSettings extends DeadlineSettings {
  /** Usually ends with `/v1`, without a slash after it. */
  readonly baseUrl: string;
  /** Empty if the server takes no key. */
  readonly apiKey: string;
  /** The model for questions that name none. */
  readonly model: string;
  /** How many tokens of earlier turns go with a question, as `estimateTokens` counts. 0 sends none. */
  readonly historyTokens: number;
  readonly maxFrameChars: number;
}
