import fc from 'fast-check';

const encoder = new TextEncoder();

export function toBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Yields the chunks like a stream. Text is encoded as UTF-8. */
export async function* stream(chunks: Iterable<string | Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? toBytes(chunk) : chunk;
}

/** Splits the bytes before each position. The positions may have any order. */
export function cutAt(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const cuts = [0, ...[...positions].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

/** Generates 1 to `max` positions to split these bytes. The chunks can be empty. */
export function cuts(bytes: Uint8Array, max: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(bytes.length), { minLength: 1, maxLength: max });
}
