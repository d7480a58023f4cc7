import type { Cutter } from './wire';

const nothing = (): readonly Buffer[] => [];

/** Sends each byte in its own HTTP chunk. */
export const everyByte: Cutter = {
  push: (bytes) => Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)),
  flush: nothing,
};

/** Cuts after the first byte of each multi-byte character, and inside each \uXXXX of an ASCII stream. */
export const insideCharacters: Cutter = {
  push: (bytes) => {
    const cuts = Array.from(bytes.keys()).filter((at) => at > 0 && isInsideCharacter(bytes, at));
    return [0, ...cuts].map((at, index) => bytes.subarray(at, cuts[index]));
  },
  flush: nothing,
};

function isInsideCharacter(bytes: Buffer, at: number): boolean {
  const afterLeadByte = (bytes[at - 1] ?? 0) >= 0xc0;
  const afterBackslashU = bytes[at - 2] === 0x5c && bytes[at - 1] === 0x75;
  return afterLeadByte || afterBackslashU;
}

/** Keeps frames back until there are `count` of them. */
export function several(count: number): Cutter {
  let kept: Buffer[] = [];
  const flush = (): readonly Buffer[] => {
    const together = kept;
    kept = [];
    return together.length > 0 ? [Buffer.concat(together)] : [];
  };
  return { push: (bytes) => (kept.push(bytes) < count ? [] : flush()), flush };
}

/** Sends CRLF line ends, as a rewriting proxy does, and cuts between CR and LF, where parsers fail most easily. */
export const carriageReturns: Cutter = {
  push: (bytes) =>
    bytes
      .toString('latin1')
      .split('\n')
      .map((line, index, lines) => {
        const start = index === 0 ? '' : '\n';
        const end = index === lines.length - 1 ? '' : '\r';
        return Buffer.from(`${start}${line}${end}`, 'latin1');
      }),
  flush: nothing,
};

/** Adds what SSE allows but Dify never sends: a BOM, comments, `id:`, `retry:`, unknown fields, `data:` unspaced. */
export function withFieldNoise(): Cutter {
  let count = 0;
  return {
    push: (bytes) => {
      const frame = bytes.toString().replace(/^data: /u, 'data:');
      const start = count++ === 0 ? '\ufeff' : '';
      return [Buffer.from(`${start}: noise\nid: ${count}\nretry: 3000\nnonsense\n${frame}`)];
    },
    flush: nothing,
  };
}
