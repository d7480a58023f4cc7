import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline, Writable } from 'node:stream';

import Koa from 'koa';

import { EventStream, type EventStreamOptions } from '../../../src/chat/stream/event-stream';
import type { Batch, Batches } from '../../../src/chat/stream/follower';
import { encodeFrame, heartbeatFrame, type Frame } from '../../../src/chat/stream/sse';
import { stream as streamOf } from '../support/bytes';
import { attempt, collect, createGate, settle, thrown } from '../support/collect';
import { decodeSse } from '../../upstream/support/decode-sse';

// Only the heartbeat uses a timer that is faked here. Sockets have their own timers, and streams use ticks.
beforeEach(() => jest.useFakeTimers({ doNotFake: ['nextTick', 'queueMicrotask', 'setImmediate'] }));

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

const everySecond = { heartbeatEveryMs: 1_000 };

const frame = (id: number): Frame => ({ id, data: `"event ${id}"` });

async function* batchesOf(...batches: readonly (readonly Frame[])[]): AsyncGenerator<readonly Frame[], void> {
  yield* batches;
}

/** Yields a batch of one frame after each pause. */
async function* slowly(...pausesMs: readonly number[]): AsyncGenerator<readonly Frame[], void> {
  for (const [index, ms] of pausesMs.entries()) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    yield [frame(index + 1)];
  }
}

/** Yields the chunks that a client takes, one on demand. At its end the source is destroyed, as Koa does it. */
async function* chunksOf(batches: Batches, options: EventStreamOptions): AsyncGenerator<string, void> {
  const source = new EventStream(batches, options);
  const client = createClient();
  source.once('error', (error: Error) => client.fail(error));
  client.once('close', () => source.destroy());
  source.pipe(client);
  try {
    for (let piece = await client.take(); piece !== null; piece = await client.take()) yield piece;
  } finally {
    client.destroy();
    await settle();
  }
}

interface Client extends Writable {
  /** Takes the next piece, or null after the last one. @throws the error of the stream. */
  take(): Promise<string | null>;
  fail(error: Error): void;
}

function createClient(): Client {
  let piece: { readonly text: string; readonly taken: () => void } | undefined;
  let taken: () => void = () => undefined;
  let end: Error | null | undefined;
  let wake: () => void = () => undefined;
  const client = new Writable({
    highWaterMark: 1,
    decodeStrings: false,
    write(text: string, _encoding, callback) {
      piece = { text, taken: callback };
      wake();
    },
    final(callback) {
      end ??= null;
      wake();
      callback();
    },
    destroy(_error, callback) {
      end ??= null;
      wake();
      callback(null);
    },
  });
  return Object.assign(client, {
    fail(error: Error) {
      end = error;
      wake();
    },
    async take() {
      taken();
      taken = () => undefined;
      while (piece === undefined && end === undefined) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (piece !== undefined) {
        const { text } = piece;
        taken = piece.taken;
        piece = undefined;
        return text;
      }
      if (end instanceof Error) throw end;
      return null;
    },
  });
}

/** Reads a reply with a real client until it ends or breaks. The client `leave` disconnects after the first chunk. */
async function readReply(
  reply: (response: http.ServerResponse, request: http.IncomingMessage) => void,
  client: 'stay' | 'leave' = 'stay',
): Promise<{ readonly items: readonly Buffer[]; readonly error: unknown }> {
  const server = http.createServer((request, response) => reply(response, request)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [response] = (await once(http.get({ port, agent: false }), 'response')) as [http.IncomingMessage];
  if (client === 'leave') {
    await once(response, 'data');
    response.destroy();
  }
  const read = client === 'leave' ? { items: [], error: undefined } : await attempt<Buffer>(response);
  server.close();
  await once(server, 'close');
  return read;
}

async function readAll(written: AsyncGenerator<string, void>, forMs = 60_000): Promise<string[]> {
  const reading = collect(written);
  await pass(forMs);
  return reading;
}

/** Advances the time by single milliseconds. The event loop runs between them, so that a client can make room. */
async function pass(ms: number): Promise<void> {
  // Piping begins in a later tick.
  await settle();
  for (let left = ms; left > 0 && jest.getTimerCount() > 0;) {
    await settle();
    await jest.advanceTimersByTimeAsync(1);
    left -= 1;
  }
  await settle();
}

/** Batches that a test sends one by one. They are read without promises. */
function createPolled(): Batches & { send(result: Batch): void; breakWith(error: Error): void } {
  let result: Batch | null = null;
  let failure: Error | undefined;
  let wake = () => {};
  const done: Batch = { done: true, value: undefined };
  return {
    poll(onReady) {
      if (failure !== undefined) throw failure;
      const ready = result;
      result = null;
      if (ready === null) wake = onReady;
      return ready;
    },
    next: () => Promise.reject(new Error('`poll` must be used.')),
    return: () => Promise.resolve(done),
    [Symbol.asyncIterator]() {
      return this;
    },
    send(sent) {
      result = sent;
      wake();
    },
    breakWith(error) {
      failure = error;
      wake();
    },
  };
}

describe('EventStream', () => {
  it('writes a comment before the first event', async () => {
    const gate = createGate();
    async function* silent(): AsyncGenerator<readonly Frame[], void> {
      await gate.opened;
      yield [frame(1)];
    }
    const written = chunksOf(silent(), everySecond);
    expect((await written.next()).value).toBe(heartbeatFrame);
    gate.open();
    await written.return();
  });

  it('writes each batch as one string', async () => {
    const batches = batchesOf([frame(1), frame(2)], [frame(3)]);
    expect(await collect(chunksOf(batches, everySecond))).toEqual([
      heartbeatFrame,
      encodeFrame(frame(1)) + encodeFrame(frame(2)),
      encodeFrame(frame(3)),
    ]);
  });

  it('writes a long frame in pieces, each when the client takes it', async () => {
    const long: Frame = { id: 1, data: JSON.stringify('🌊'.repeat(50_000)) };
    const written = await collect(chunksOf(batchesOf([long, frame(2)]), everySecond));
    expect(Buffer.concat(written.map((text) => Buffer.from(text))).toString()).toBe(
      heartbeatFrame + encodeFrame(long) + encodeFrame(frame(2)),
    );
    for (const text of written) expect(text.length).toBeLessThanOrEqual(16_400);
  });

  it('ends with its batches, even without any', async () => {
    expect(await collect(chunksOf(batchesOf(), everySecond))).toEqual([heartbeatFrame]);
  });

  it('writes a last event without an id, based on the last frame', async () => {
    const options = { ...everySecond, lastEvent: (last: Frame | undefined) => `"after ${last?.id}"` };
    expect(await collect(chunksOf(batchesOf([frame(1), frame(2)]), options))).toEqual([
      heartbeatFrame,
      encodeFrame(frame(1)) + encodeFrame(frame(2)),
      'data: "after 2"\n\n',
    ]);
    expect((await collect(chunksOf(batchesOf(), options))).at(-1)).toBe('data: "after undefined"\n\n');
  });

  it('writes a comment after each heartbeat interval without a write', async () => {
    const written = await readAll(chunksOf(slowly(3_500, 500, 2_500), everySecond));
    const signs = written.map((text) => (text === heartbeatFrame ? 'beat' : 'event'));
    expect(signs).toEqual(['beat', 'beat', 'beat', 'beat', 'event', 'event', 'beat', 'beat', 'event']);
  });

  it('writes no comment while events arrive', async () => {
    const written = await readAll(chunksOf(slowly(...Array.from({ length: 20 }, () => 900)), everySecond));
    expect(written.filter((text) => text === heartbeatFrame)).toHaveLength(1);
    expect(written).toHaveLength(21);
  });

  it('loses, repeats and reorders no event across heartbeats', async () => {
    const pauses = [5_000, 0, 999, 1_000, 1_001, 0, 2_000, 3_333, 1, 1_000, 0, 0, 4_000];
    const written = await readAll(chunksOf(slowly(...pauses), everySecond));
    const messages = (await collect(decodeSse(streamOf(written), { maxFrameChars: 1_000 }))).flat();
    expect(messages).toEqual(
      pauses.map((_, index) => ({ id: String(index + 1), data: `"event ${index + 1}"` })),
    );
  });

  it('reads at most one batch ahead of a client that does not read', async () => {
    let asked = 0;
    async function* counting() {
      for (;;) yield [frame(++asked)];
    }
    const written = chunksOf(counting(), everySecond);
    await written.next();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(1);
    await written.next();
    await jest.advanceTimersByTimeAsync(10_000);
    expect(asked).toBe(2);
    await written.return();
  });

  it('writes one piece per iteration of the event loop, even to a client that takes everything', async () => {
    const writes: number[] = [];
    let iteration = 0;
    let isOver = false;
    const count = () => {
      iteration += 1;
      if (!isOver) setImmediate(count);
    };
    count();
    // This client takes each piece immediately.
    const client = new Writable({
      write(_piece, _encoding, taken) {
        writes.push(iteration);
        taken();
      },
    });
    const long = { id: 1, data: JSON.stringify('x'.repeat(1_000_000)) };
    new EventStream(batchesOf([long]), everySecond).pipe(client);
    await once(client, 'finish');
    isOver = true;
    expect(writes.length).toBeGreaterThan(60);
    // The first write is the comment at the beginning of the response.
    const most = Math.max(...writes.slice(1).map((one) => writes.filter((other) => other === one).length));
    // A short piece does not fill the client, so the next piece is written in the same iteration.
    expect(most).toBeLessThanOrEqual(3);
  });

  it('writes an event, and no comment in its place, to a client that reads late', async () => {
    const written = chunksOf(batchesOf([frame(1)], [frame(2)]), everySecond);
    await written.next();
    await written.next();
    await jest.advanceTimersByTimeAsync(10_000);
    expect((await written.next()).value).toBe(encodeFrame(frame(2)));
    await written.return();
  });

  it('stops its timer when the client leaves between two events', async () => {
    const written = chunksOf(batchesOf([frame(1)], [frame(2)]), everySecond);
    await written.next();
    await written.next();
    await written.return();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('stops its timer when the client leaves while a batch is pending', async () => {
    const gate = createGate();
    async function* silent(): AsyncGenerator<readonly Frame[], void> {
      await gate.opened;
      yield* batchesOf();
    }
    const written = chunksOf(silent(), everySecond);
    await written.next();
    const pending = written.next();
    const left = written.return();
    gate.open();
    expect((await pending).done).toBe(true);
    await left;
    expect(jest.getTimerCount()).toBe(0);
  });

  it('writes the earlier events, throws the error of its batches, and stops its timer', async () => {
    const broken = new Error('broken');
    async function* breaking() {
      yield [frame(1)];
      throw broken;
    }
    const written: string[] = [];
    const error = await thrown(async () => {
      for await (const text of chunksOf(breaking(), everySecond)) written.push(text);
    });
    expect(error).toBe(broken);
    expect(written).toEqual([heartbeatFrame, encodeFrame(frame(1))]);
  });

  const send = {
    'by pipe, as Koa 2 does': (source: EventStream, response: http.ServerResponse) => {
      source.once('error', () => response.destroy());
      source.pipe(response);
    },
    'by pipeline, as Koa 3 does': (source: EventStream, response: http.ServerResponse) => {
      pipeline(source, response, () => undefined);
    },
  };

  describe.each(Object.entries(send))('sent %s', (_name, sendTo) => {
    it('reaches the client completely, and ends', async () => {
      const { items, error } = await readReply((response) => {
        sendTo(new EventStream(batchesOf([frame(1)], [frame(2)]), everySecond), response);
      });
      expect(error).toBeUndefined();
      expect(Buffer.concat(items).toString()).toBe(
        heartbeatFrame + encodeFrame(frame(1)) + encodeFrame(frame(2)),
      );
    });

    it('delivers the written events if the batches fail, and then cuts the client off', async () => {
      async function* breaking() {
        yield [frame(1)];
        throw new Error('broken');
      }
      const { items, error } = await readReply((response) => {
        sendTo(new EventStream(breaking(), everySecond), response);
      });
      expect(Buffer.concat(items).toString()).toBe(heartbeatFrame + encodeFrame(frame(1)));
      expect(error).toMatchObject({ code: 'ECONNRESET', message: 'aborted' });
    });

    it('passes the error of its batches to `onFailed`, and Koa logs nothing', async () => {
      const failed: string[] = [];
      const logged = jest.spyOn(console, 'error').mockImplementation(() => undefined);
      async function* breaking() {
        yield [frame(1)];
        throw new Error('broken');
      }
      const koa = new Koa().use((ctx) => {
        ctx.body = new EventStream(breaking(), {
          ...everySecond,
          onFailed(error) {
            failed.push(error.message);
            ctx.res.destroy();
          },
        });
      });
      const { error } = await readReply((response, request) => void koa.callback()(request, response));
      const lines = [...logged.mock.calls];
      logged.mockRestore();
      expect(error).toMatchObject({ code: 'ECONNRESET' });
      expect(failed).toEqual(['broken']);
      expect(lines).toEqual([]);
    });

    it('returns from its batches when the client leaves', async () => {
      const left = new AbortController();
      let isReturned = false;
      async function* waiting() {
        try {
          yield [frame(1)];
          await once(left.signal, 'abort');
        } finally {
          isReturned = true;
        }
      }
      await readReply((response) => {
        response.once('close', () => left.abort());
        sendTo(new EventStream(waiting(), everySecond), response);
      }, 'leave');
      while (!isReturned) await settle();
    });
  });

  it('emits no error after the client has left', async () => {
    const gate = createGate();
    async function* breaking() {
      await gate.opened;
      yield* batchesOf();
      throw new Error('broken');
    }
    const client = createClient();
    const onError = jest.fn();
    const left = new EventStream(breaking(), everySecond).once('error', onError);
    left.pipe(client);
    await client.take();
    left.destroy();
    gate.open();
    await settle();
    expect(onError).not.toHaveBeenCalled();
  });

  it('requests a batch once, however many heartbeats are sent before it arrives', async () => {
    const gate = createGate();
    let asked = 0;
    const batches = {
      ...batchesOf(),
      next: async () => {
        asked += 1;
        if (asked === 1) await gate.opened;
        return asked === 1 ? { done: false, value: [frame(1)] } : { done: true, value: undefined };
      },
      return: async () => ({ done: true, value: undefined }),
    } as unknown as Batches;
    const written = chunksOf(batches, everySecond);
    await written.next();
    for (const _beat of [1, 2]) {
      const beat = written.next();
      await jest.advanceTimersByTimeAsync(1_000);
      expect((await beat).value).toBe(heartbeatFrame);
    }
    expect(asked).toBe(1);
    gate.open();
    expect((await written.next()).value).toBe(encodeFrame(frame(1)));
    expect((await written.next()).done).toBe(true);
    expect(asked).toBe(2);
  });

  it('ends without an error for a client that reads the end late', async () => {
    const source = new EventStream(batchesOf([frame(1)]), everySecond);
    const onError = jest.fn();
    source.on('error', onError);
    const read: unknown[] = [];
    for (const _chunk of [1, 2]) {
      read.push(source.read());
      await settle();
    }
    await jest.advanceTimersByTimeAsync(10_000);
    expect(read).toEqual([heartbeatFrame, encodeFrame(frame(1))]);
    expect([source.read(), onError.mock.calls]).toEqual([null, []]);
    await settle();
    expect(source.readableEnded).toBe(true);
  });

  it('writes no comment into a long frame, however slowly the client reads', async () => {
    const long: Frame = { id: 1, data: JSON.stringify('x'.repeat(60_000)) };
    const source = new EventStream(batchesOf([long]), everySecond);
    let text = '';
    for (let isEnded = false; !isEnded;) {
      const chunk: unknown = source.read();
      if (typeof chunk === 'string') text += chunk;
      await jest.advanceTimersByTimeAsync(1_500);
      isEnded = source.readableEnded;
    }
    expect(text.replaceAll(heartbeatFrame, '')).toBe(encodeFrame(long));
    expect(text.slice(text.indexOf('id: '))).not.toContain(heartbeatFrame);
  });

  it('writes a polled batch in the tick in which it is ready', async () => {
    const batches = createPolled();
    const written: unknown[] = [];
    const source = new EventStream(batches, everySecond).on('data', (chunk) => written.push(chunk));
    await settle();
    batches.send({ done: false, value: [frame(1)] });
    expect(written).toEqual([heartbeatFrame, encodeFrame(frame(1))]);
    await settle();
    batches.send({ done: true, value: undefined });
    await settle();
    expect(source.readableEnded).toBe(true);
  });

  it('asks polled batches again after heartbeats, and loses none', async () => {
    const batches = createPolled();
    const written = chunksOf(batches, everySecond);
    await written.next();
    const beat = written.next();
    await jest.advanceTimersByTimeAsync(1_000);
    expect((await beat).value).toBe(heartbeatFrame);
    const next = written.next();
    batches.send({ done: false, value: [frame(1)] });
    expect((await next).value).toBe(encodeFrame(frame(1)));
    await written.return();
  });

  it('passes the error of polled batches to `onFailed`', async () => {
    const batches = createPolled();
    const onFailed = jest.fn();
    const source = new EventStream(batches, { ...everySecond, onFailed }).resume();
    await settle();
    const broken = new Error('broken');
    batches.breakWith(broken);
    await settle();
    expect(onFailed).toHaveBeenCalledWith(broken);
    expect(source.destroyed).toBe(true);
  });

  it('writes nothing that becomes ready after it was destroyed', async () => {
    const batches = createPolled();
    const lastEvent = jest.fn();
    const source = new EventStream(batches, { ...everySecond, lastEvent }).resume();
    await settle();
    source.destroy();
    batches.send({ done: true, value: undefined });
    expect(lastEvent).not.toHaveBeenCalled();
  });

  it('starts no timer if it is never sent', () => {
    new EventStream(batchesOf([frame(1)]), everySecond);
    expect(jest.getTimerCount()).toBe(0);
  });
});
