/** An event of the answer. */
export type TrialEvent =
  | { readonly type: 'delta' | 'replaced'; readonly text: string }
  | { readonly type: 'queued'; readonly place: number }
  | TrialEnd;

export interface TrialEnd {
  readonly type: 'ended';
  readonly outcome: 'completed' | 'stopped' | 'failed';
  readonly usage: Readonly<Record<string, string | number | null>> | null;
  readonly ms: number;
  readonly error: string | null;
  readonly errorDetail: string | null;
}

/** Reads the server's events. Each one is a line `data: <JSON>`, followed by an empty line. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<TrialEvent, void> {
  const reader = body
    .pipeThrough(new TextDecoderStream() as never)
    .getReader() as ReadableStreamDefaultReader<string>;
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const frames = (rest + value).split('\n\n');
      rest = frames.pop() ?? '';
      for (const frame of frames) yield JSON.parse(frame.replace(/^data: /u, '')) as TrialEvent;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}
