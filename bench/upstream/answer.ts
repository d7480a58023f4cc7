import { randomUUID } from 'node:crypto';

import { nowUs, toToken, tokenChars } from './token';

/** The prepared chunks of one answer in Dify's format. Only number and time are filled in when they are sent. */
export interface PreparedAnswer {
  /** Returns `count` events from number `first` on, as one HTTP chunk. */
  messages(first: number, count: number): Buffer;
  /** Returns `message_end` and the last chunk. */
  end(): Buffer;
}

const usage = {
  prompt_tokens: 19,
  prompt_unit_price: '0.15',
  prompt_price_unit: '0.000001',
  prompt_price: '0.0000029',
  completion_tokens: 73,
  completion_unit_price: '0.6',
  completion_price_unit: '0.000001',
  completion_price: '0.0000438',
  total_tokens: 92,
  total_price: '0.0000467',
  currency: 'USD',
  latency: 1.2,
};

export function prepareAnswer(): PreparedAnswer {
  const id = randomUUID();
  const envelope = {
    conversation_id: randomUUID(),
    message_id: id,
    created_at: Math.floor(Date.now() / 1000),
    task_id: randomUUID(),
    id,
  };
  const blank = '_'.repeat(tokenChars);
  const frame = toFrame({ event: 'message', ...envelope, answer: blank, from_variable_selector: null });
  const at = frame.indexOf(blank);

  return {
    messages(first, count) {
      const head = Buffer.from(`${(frame.length * count).toString(16)}\r\n`);
      const chunk = Buffer.allocUnsafe(head.length + frame.length * count + 2);
      head.copy(chunk);
      const sentUs = nowUs();
      for (let index = 0; index < count; index += 1) {
        const start = head.length + index * frame.length;
        frame.copy(chunk, start);
        chunk.write(toToken({ index: first + index, sentUs }), start + at, 'latin1');
      }
      chunk.write('\r\n', chunk.length - 2, 'latin1');
      return chunk;
    },
    end() {
      const metadata = { annotation_reply: null, retriever_resources: [], usage };
      const last = toFrame({ event: 'message_end', ...envelope, metadata, files: null });
      return Buffer.from(`${last.length.toString(16)}\r\n${last.toString()}\r\n0\r\n\r\n`);
    },
  };
}

function toFrame(event: Readonly<Record<string, unknown>>): Buffer {
  return Buffer.from(`data: ${JSON.stringify(event)}\n\n`);
}
