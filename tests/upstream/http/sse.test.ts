import fc from 'fast-check';

import { createSseDecoder, FrameTooLongError, type SseMessage } from '../../../src/upstream/http/sse';
import { cutAt, cuts, stream, toBytes } from '../../chat/support/bytes';
import { attempt, collect } from '../../chat/support/collect';
import { decodeSse } from '../support/decode-sse';
import { parseEventStream } from '../support/event-stream-standard';

const roomy = { maxFrameChars: 1_000_000 };

async function decode(...chunks: readonly (string | Uint8Array)[]): Promise<SseMessage[]> {
  return (await collect(decodeSse(stream(chunks), roomy))).flat();
}

/** Text that is easily split wrongly: Chinese, joined emoji, letters with combining marks, and line ends. */
const transcript = [
  '\uFEFF: 开始\r\n',
  'data: {"answer":"你好，世界"}\n\n',
  'event: ping\n\n',
  'id: 7\r\ndata: {"answer":"👩‍👩‍👧‍👦🏳️‍🌈 é́ ａ̊"}\r\n\r\n',
  'data: first\rdata:\r\ndata: third \u2028 line\r\n\n',
  'event: тест\ndata: 𝒳\n\n',
].join('');

const transcriptMessages = [
  { data: '{"answer":"你好，世界"}' },
  { id: '7', data: '{"answer":"👩‍👩‍👧‍👦🏳️‍🌈 é́ ａ̊"}' },
  { data: 'first\n\nthird \u2028 line' },
  { event: 'тест', data: '𝒳' },
];

describe('createSseDecoder', () => {
  describe('follows the standard for event streams:', () => {
    it.each<[string, readonly string[], readonly SseMessage[]]>([
      ['lines end with LF', ['data: a\n\n'], [{ data: 'a' }]],
      ['lines end with CRLF', ['data: a\r\n\r\n'], [{ data: 'a' }]],
      ['lines end with CR', ['data: a\r\rdata: b\r\r:\n'], [{ data: 'a' }, { data: 'b' }]],
      ['line ends are mixed', ['data: a\r\ndata: b\rdata: c\n\r\n'], [{ data: 'a\nb\nc' }]],
      ['a CRLF is split between chunks', ['data: a\r', '\n\r', '\n'], [{ data: 'a' }]],
      ['a CRLF split between chunks ends one line', ['data: a\r', '\ndata: b\n\n'], [{ data: 'a\nb' }]],
      ['an LF and a CR in the next chunk are two line ends', ['data: a\n', '\rdata: b\n\n'], two('a', 'b')],
      ['a BOM comes first', ['\uFEFFdata: a\n\n'], [{ data: 'a' }]],
      [
        'the second of two BOMs belongs to a field name',
        ['\uFEFF\uFEFFdata: a\n\ndata: b\n\n'],
        [{ data: 'b' }],
      ],
      ['a later BOM belongs to a field name', ['data: a\n\n\uFEFFdata: b\n\n'], [{ data: 'a' }]],
      ['a BOM inside data is data', ['data: a\uFEFFb\n\n'], [{ data: 'a\uFEFFb' }]],
      ['comments are ignored', [': hello\ndata: a\n:\n:data: x\n\n'], [{ data: 'a' }]],
      ['a line without a colon is a field without a value', ['data\n\n'], [{ data: '' }]],
      ['two lines without a colon are one line end', ['data\ndata\n\n'], [{ data: '\n' }]],
      ['data has no space', ['data:a\n\n'], [{ data: 'a' }]],
      ['data has two spaces', ['data:  a\n\n'], [{ data: ' a' }]],
      ['data has a tab', ['data:\ta\n\n'], [{ data: '\ta' }]],
      ['data has a space at its end', ['data: a \n\n'], [{ data: 'a ' }]],
      ['data has colons', ['data: a: b:c\n\n'], [{ data: 'a: b:c' }]],
      ['data has several lines', ['data: a\ndata: b\ndata: c\n\n'], [{ data: 'a\nb\nc' }]],
      ['data is empty', ['data:\n\n'], [{ data: '' }]],
      ['data is empty after a space', ['data: \n\n'], [{ data: '' }]],
      ['an id is given', ['id: 1\ndata: a\n\n'], [{ id: '1', data: 'a' }]],
      ['an id is empty', ['id\ndata: a\n\n'], [{ id: '', data: 'a' }]],
      ['an id with NUL is ignored', ['id: 1\0\ndata: a\n\n'], [{ data: 'a' }]],
      ['an id with NUL keeps the earlier id', ['id: 1\nid: 2\0\ndata: a\n\n'], [{ id: '1', data: 'a' }]],
      ['an event is named', ['event: add\ndata: a\n\n'], [{ event: 'add', data: 'a' }]],
      ['the last name counts', ['event: add\nevent: sub\ndata: a\n\n'], [{ event: 'sub', data: 'a' }]],
      ['an empty name is ignored', ['event: add\nevent:\ndata: a\n\n'], [{ data: 'a' }]],
      [
        'a name applies to one message only',
        ['event: add\ndata: a\n\ndata: b\n\n'],
        [{ event: 'add', data: 'a' }, { data: 'b' }],
      ],
      ['an event without data is ignored', ['event: ping\n\n'], []],
      ['the name of an event without data is dropped', ['event: ping\n\ndata: a\n\n'], [{ data: 'a' }]],
      ['retry is a number', ['retry: 3000\ndata: a\n\n'], [{ data: 'a' }]],
      ['retry is invalid', ['retry: soon\nretry: -1\nretry\ndata: a\n\n'], [{ data: 'a' }]],
      ['a field is unknown', ['colour: red\ndata: a\nDATA: b\n data: c\n\n'], [{ data: 'a' }]],
      ['blank lines come first', ['\n\r\n\n\ndata: a\n\n'], [{ data: 'a' }]],
      ['the last blank line is missing', ['data: a\n\ndata: b\n'], [{ data: 'a' }]],
      ['the last line end is missing', ['data: a\n\ndata: b'], [{ data: 'a' }]],
      ['the stream is empty', [], []],
      ['chunks are empty', ['', 'data: a', '', '\n', '', '\n', ''], [{ data: 'a' }]],
    ])('%s', async (_name, chunks, messages) => {
      expect(await decode(...chunks)).toEqual(messages);
    });

    it('a CR is the last byte of the stream', async () => {
      expect(await decode('data: a\r\r')).toEqual([{ data: 'a' }]);
    });

    it('a CR is the last byte of a chunk: the message does not wait for the next one', async () => {
      const batches = await collect(decodeSse(stream(['data: a\r\r', 'data: b\r\r:\n']), roomy));
      expect(batches[0]).toEqual([{ data: 'a' }]);
      expect(batches).toHaveLength(2);
    });

    it('invalid UTF-8 bytes become U+FFFD and change nothing else', async () => {
      const broken = new Uint8Array([...toBytes('data: a'), 0xff, ...toBytes('b\n\ndata: c\n\n')]);
      expect(await decode(broken)).toEqual([{ data: 'a\uFFFDb' }, { data: 'c' }]);
    });
  });

  describe('returns the same messages for bytes that are split', () => {
    const bytes = toBytes(transcript);

    it('nowhere', async () => {
      expect(await decode(bytes)).toEqual(transcriptMessages);
    });

    it('after every byte', async () => {
      const positions = Array.from(bytes.keys());
      expect(await decode(...cutAt(bytes, positions))).toEqual(transcriptMessages);
    });

    it('in two, at each position', async () => {
      for (const position of bytes.keys()) {
        expect({ position, messages: await decode(...cutAt(bytes, [position])) }).toEqual({
          position,
          messages: transcriptMessages,
        });
      }
    });

    it('into a few chunks, at any position', async () => {
      await fc.assert(
        fc.asyncProperty(cuts(bytes, 3), async (positions) => {
          expect(await decode(...cutAt(bytes, positions))).toEqual(transcriptMessages);
        }),
        { numRuns: 200 },
      );
    });

    it('into any chunks, as a literal implementation of the standard does for any text', async () => {
      await fc.assert(
        fc.asyncProperty(anyStream, fc.infiniteStream(fc.nat(12)), async (text, sizes) => {
          expect(await decode(...inChunks(toBytes(text), sizes))).toEqual(parseEventStream(text));
        }),
        { numRuns: 500 },
      );
    });
  });

  it('returns one batch for each chunk that completes messages', async () => {
    const chunks = ['data: a\n\ndata: b\n\ndata: c', '\n', '\ndata: d\n\n', ': nothing\n\n', 'data: e\n\n'];
    const batches = await collect(decodeSse(stream(chunks), roomy));
    expect(batches.map((batch) => batch.map(({ data }) => data))).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
  });

  describe('limits the length of a frame:', () => {
    const bounded = { maxFrameChars: 20 };

    it.each([
      ['a line without an end', ['data: a\n\ndata: ', 'x'.repeat(20)]],
      ['a line in many chunks', ['data: a\n\n', ...Array.from('x'.repeat(21))]],
      ['many lines of data', ['data: a\n\n', ...Array.from({ length: 12 }, () => 'data: x\n')]],
      ['a comment without an end', ['data: a\n\n: ', 'x'.repeat(20)]],
    ])('%s throws FrameTooLongError after the earlier messages', async (_name, chunks) => {
      const { items, error } = await attempt(decodeSse(stream([...chunks, '\n\ndata: b\n\n']), bounded));
      expect(items.flat()).toEqual([{ data: 'a' }]);
      expect(error).toBeInstanceOf(FrameTooLongError);
    });

    it('a long frame throws in the same chunk as a complete frame', async () => {
      const { items, error } = await attempt(
        decodeSse(stream([`data: a\n\ndata: ${'x'.repeat(20)}`]), bounded),
      );
      expect(items).toEqual([[{ data: 'a' }]]);
      expect(error).toBeInstanceOf(FrameTooLongError);
    });

    it('a long frame throws even if it is complete in one chunk', async () => {
      const chunks = [`data: a\n\ndata: ${'x'.repeat(21)}\n\ndata: b\n\n`];
      const { items, error } = await attempt(decodeSse(stream(chunks), bounded));
      expect(items.flat()).toEqual([{ data: 'a' }]);
      expect(error).toBeInstanceOf(FrameTooLongError);
    });

    it('the error names the limit and quotes nothing', async () => {
      const { error } = await attempt(decodeSse(stream([`data: ${'secret'.repeat(9)}`]), bounded));
      expect(String(error)).toMatch(/\b20\b/u);
      expect(String(error)).not.toMatch('secret');
    });

    it('any number of frames within the limit is accepted', async () => {
      const text = 'data: 12345678901234\n\n'.repeat(1000);
      const batches = await collect(decodeSse(stream(cutAt(toBytes(text), [7, 500, 1003])), bounded));
      expect(batches.flat()).toHaveLength(1000);
    });
  });
});

describe('createSseDecoder with frames that nobody needs', () => {
  const options = {
    maxFrameChars: 100,
    isUnused: (start: string) => start.startsWith('{"event":"audio"'),
    shorten: (start: string) => (start.startsWith('{"event":"end"') ? '{"event":"end"}' : undefined),
  };
  const read = async (bytes: readonly Uint8Array[]) =>
    (await collect(decodeSse(stream(bytes), options))).flat().map(({ data }) => data);
  const text = (lineEnd: string) =>
    [
      'data: a',
      '',
      `data: {"event":"audio","audio":"${'é'.repeat(300)}"}`,
      '',
      'data: {"event":"audio"}',
      '',
      'data: b',
      '',
      `data: {"event":"end","big":"${'x'.repeat(300)}"}`,
      '',
      'data: c',
      '',
      '',
    ].join(lineEnd);

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('drops or shortens them wherever the bytes are cut, with %s', async (_name, lineEnd) => {
    const bytes = toBytes(text(lineEnd));
    const expected = ['a', 'b', '{"event":"end"}', 'c'];
    expect(await read([bytes])).toEqual(expected);
    expect(await read(cutAt(bytes, Array.from(bytes.keys())))).toEqual(expected);
    for (const position of bytes.keys()) {
      expect({ position, data: await read(cutAt(bytes, [position])) }).toEqual({ position, data: expected });
    }
    await fc.assert(
      fc.asyncProperty(cuts(bytes, 4), async (positions) => {
        expect(await read(cutAt(bytes, positions))).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('reads and keeps nothing of such a frame, however large it is', () => {
    const decoder = createSseDecoder(options);
    const seen: string[] = [];
    const take = ({ data }: SseMessage) => void seen.push(data);
    decoder.feed(toBytes('data: {"event":"audio","audio":"'), take);
    const block = Buffer.alloc(1_000_000, 'A');
    for (let count = 0; count < 200; count += 1) decoder.feed(block, take);
    decoder.feed(toBytes('"}\n\ndata: a\n\n'), take);
    expect(seen).toEqual(['a']);
  });

  it('delivers a last frame that lacks its empty line when the stream has ended', () => {
    for (const last of ['data: b', 'data: b\n']) {
      const decoder = createSseDecoder(roomy);
      const seen: string[] = [];
      decoder.feed(toBytes(`data: a\n\n${last}`), ({ data }) => void seen.push(data));
      expect(seen).toEqual(['a']);
      decoder.end(({ data }) => void seen.push(data));
      expect(seen).toEqual(['a', 'b']);
    }
  });
});

function two(first: string, second: string): SseMessage[] {
  return [{ data: first }, { data: second }];
}

function* inChunks(bytes: Uint8Array, sizes: Iterable<number>): Generator<Uint8Array, void> {
  let start = 0;
  for (const size of sizes) {
    if (start >= bytes.length) return;
    yield bytes.subarray(start, start + size);
    start += size;
  }
}

/** Random text with syntax of the format in any order. Another test covers a stream that ends in CR. */
const anyStream = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('\n', '\r', '\r\n', '\n\n', ':', ' ', '\0') },
      { weight: 6, arbitrary: fc.constantFrom('data', 'data:', 'data: ', 'event:', 'id:', 'retry:', 'dat') },
      { weight: 3, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }) },
      { weight: 1, arbitrary: fc.constantFrom('👩‍👩‍👧', 'é', '你好', '\u2028', '1') },
    ),
    { maxLength: 40 },
  )
  .map((pieces) => pieces.join(''))
  .filter((text) => !text.endsWith('\r'));
