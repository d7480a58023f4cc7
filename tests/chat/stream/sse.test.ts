import fc from 'fast-check';

import { encodeFrame, encodeFrames, heartbeatFrame } from '../../../src/chat/stream/sse';
import { cutAt, stream, toBytes } from '../support/bytes';
import { collect } from '../support/collect';
import { decodeSse } from '../../upstream/support/decode-sse';

async function decode(chunks: readonly (string | Uint8Array)[]) {
  return (await collect(decodeSse(stream(chunks), { maxFrameChars: 100_000 }))).flat();
}

/** Random text that contains syntax of the format at any place. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\u2028', '\u2029', '\u0085', '\0', '\uFEFF'),
      fc.constantFrom('data:', 'data: x\n\n', 'id: 9', 'event: error', ':', '"', '\\', '\\n'),
      fc.string({ unit: 'binary', maxLength: 5 }),
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

describe('encodeFrame', () => {
  it('writes the id, the data and a blank line', () => {
    expect(encodeFrame({ id: 3, data: '{"a":1}' })).toBe('id: 3\ndata: {"a":1}\n\n');
  });

  it('encodes any text as exactly one event with exactly that text', async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, fc.integer({ min: 1 }), fc.nat(), async (text, id, cut) => {
        const bytes = toBytes(encodeFrame({ id, data: JSON.stringify({ text }) }));
        const messages = await decode(cutAt(bytes, [cut % bytes.length]));
        expect(messages.map((message) => message.id)).toEqual([String(id)]);
        expect(messages.map(({ data }) => JSON.parse(data) as unknown)).toEqual([{ text }]);
      }),
      { numRuns: 500 },
    );
  });

  it('keeps frames separate and in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(hostileText, { maxLength: 8 }), async (texts) => {
        const frames = texts.map((text, index) => encodeFrame({ id: index + 1, data: JSON.stringify(text) }));
        const messages = await decode([frames.join('')]);
        expect(messages.map(({ data }) => JSON.parse(data) as unknown)).toEqual(texts);
      }),
    );
  });
});

describe('heartbeatFrame', () => {
  it('is not an event at any position', async () => {
    const frame = encodeFrame({ id: 1, data: '"a"' });
    expect(await decode([heartbeatFrame, frame, heartbeatFrame, heartbeatFrame, frame])).toHaveLength(2);
  });
});

describe('encodeFrames', () => {
  const frames = [1, 2, 3].map((id) => ({ id, data: `"event ${id}"` }));

  it('writes short frames as one piece', () => {
    expect([...encodeFrames(frames, 1_000)]).toEqual([frames.map(encodeFrame).join('')]);
    expect([...encodeFrames([], 1_000)]).toEqual([]);
  });

  it('starts another piece if one would become too long', () => {
    expect([...encodeFrames(frames, 20)]).toEqual(frames.map(encodeFrame));
  });

  it('splits long frames into pieces that are each valid UTF-8', () => {
    const texts = fc.array(fc.string({ unit: 'binary', maxLength: 200 }), { maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.integer({ min: 2, max: 100 }), (given, maxChars) => {
        const all = given.map((text, index) => ({ id: index + 1, data: JSON.stringify({ text }) }));
        const pieces = [...encodeFrames(all, maxChars)];
        const bytes = Buffer.concat(pieces.map((piece) => Buffer.from(piece)));
        expect(bytes.toString()).toBe(all.map(encodeFrame).join(''));
        for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(maxChars + 32);
      }),
      { numRuns: 500 },
    );
  });
});
