import { ChatError, type ChatErrorCode } from '../../chat/errors';
import { LoggableError } from '../../chat/shared/loggable-error';
import type { Usage } from '../../chat/model/outcome';
import { toBatch, type AddEvents, type IncomingReply } from '../http/read-reply';
import { createSseDecoder } from '../http/sse';
import { fromOpenAiError } from './errors';
import { parseChunk, parseCompletion, type Piece } from './schema';

export interface ReplyOptions {
  /** This server's own id of the request. */
  readonly taskId: string;
  readonly apiKey: string;
  readonly maxFrameChars: number;
  readonly warn: (message: string) => void;
}

const done = '[DONE]';

/** Returns a reply that comes as an event stream. It ends with `[DONE]`, or with the body after a finish reason. */
export function createStreamedReply(options: ReplyOptions): IncomingReply {
  const translator = createTranslator(options);
  const decoder = createSseDecoder({ maxFrameChars: options.maxFrameChars });
  return {
    take: (chunk) =>
      toBatch(read, (pass) =>
        decoder.feed(chunk, ({ data }) => {
          const frame = parseFrame(data);
          if (frame === null)
            options.warn('The model sent a frame that is not a JSON object. It is ignored.');
          pass(frame);
        }),
      ),
    end: () =>
      toBatch(read, (pass, add) => {
        // The last frame can be incomplete. That needs no warning.
        decoder.end(({ data }) => pass(parseFrame(data)));
        if (translator.hasFinished()) translator.end(add);
      }),
    isEnding: translator.hasFinished,
  };

  function read(frame: Piece | typeof done, add: AddEvents): void {
    if (frame === done) translator.end(add);
    else translator.read(frame, add);
  }
}

function parseFrame(data: string): Piece | typeof done | null {
  return data.trim() === done ? done : parseChunk(data);
}

/** Returns a reply that comes as one JSON object. Some servers ignore `stream`. */
export function createWholeReply(options: ReplyOptions): IncomingReply {
  const translator = createTranslator(options);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  return {
    take: (chunk) =>
      toBatch(translator.read, () => {
        bytes += chunk.length;
        if (bytes > options.maxFrameChars * maxBytesPerChar) throw new ChatError('upstream-malformed');
        chunks.push(chunk);
      }),
    end: () =>
      toBatch(translator.read, (pass, add) => {
        const piece = parseCompletion(Buffer.concat(chunks).toString('utf8'));
        if (piece === null) throw new ChatError('upstream-malformed');
        pass(piece);
        translator.end(add);
      }),
    isEnding: () => false,
  };
}

/** The most bytes of UTF-8 that one UTF-16 code unit takes. */
const maxBytesPerChar = 3;

interface Translator {
  /** @throws ChatError if the piece reports an error. */
  read(piece: Piece, add: AddEvents): void;
  /** Returns whether the model has finished. Only its usage and `[DONE]` can follow. */
  hasFinished(): boolean;
  /** Ends the answer. @throws ChatError if the finish reason is that of a failure. */
  end(add: AddEvents): void;
}

/** Finish reasons of an answer that has failed, even if it has text. All others complete an answer with text. */
const failures: Readonly<Record<string, ChatErrorCode>> = {
  // The same code as for a question that the filter refuses.
  content_filter: 'upstream-rejected',
  error: 'upstream-failed',
  abort: 'upstream-interrupted',
  insufficient_system_resource: 'upstream-interrupted',
};

/** Why an answer has no text, for the operator. */
const reasonsOfSilence: Readonly<Record<string, string>> = {
  length: 'The model used all its tokens before its answer began. Raise max_tokens of the character.',
  tool_calls: 'The model called a tool, and this server has none. Choose another model or another prompt.',
};

function createTranslator({ taskId, apiKey }: ReplyOptions): Translator {
  let isIdentified = false;
  let hasText = false;
  let hasToolCalls = false;
  let finishReason: string | undefined;
  let usage: Usage | null = null;
  return {
    read(piece, add) {
      if (piece.error !== undefined)
        throw fromOpenAiError(piece.error, { status: piece.error.status ?? 500, apiKey });
      if (!isIdentified && piece.id !== undefined) {
        isIdentified = true;
        add([{ type: 'identified', taskId, messageId: piece.id, conversationId: undefined }]);
      }
      if (piece.text !== '') {
        hasText = true;
        add([{ type: 'delta', text: piece.text }]);
      }
      hasToolCalls ||= piece.hasToolCalls;
      finishReason = piece.finishReason ?? finishReason;
      usage = piece.usage ?? usage;
    },
    hasFinished: () => finishReason !== undefined,
    end(add) {
      const code = valueOf(failures, finishReason);
      if (code !== undefined)
        throw failed(code, `The model ended its answer with the reason "${finishReason}".`);
      if (!hasText && (hasToolCalls || finishReason !== 'stop')) {
        const reason = hasToolCalls ? 'tool_calls' : finishReason;
        throw failed('upstream-failed', valueOf(reasonsOfSilence, reason) ?? 'The model sent no answer.');
      }
      add([{ type: 'completed', usage }]);
    },
  };
}

function valueOf<T>(table: Readonly<Record<string, T>>, key: string | undefined): T | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined;
}

function failed(code: ChatErrorCode, message: string): ChatError {
  return new ChatError(code, { cause: new LoggableError('MODEL_ENDED', message) });
}
