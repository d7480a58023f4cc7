/** The types of the official client. They check that the emulator sends what an OpenAI server would. */
import type OpenAI from 'openai';

export type Chunk = OpenAI.Chat.Completions.ChatCompletionChunk;
export type Completion = OpenAI.Chat.Completions.ChatCompletion;
export type FinishReason = NonNullable<Chunk['choices'][number]['finish_reason']>;
export type Usage = OpenAI.Completions.CompletionUsage;

export interface ErrorBody {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: string | null;
  };
}
