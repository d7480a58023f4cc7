import fc from 'fast-check';

const encoder = new TextEncoder();

export function toBytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The chunks as a stream delivers them. Text is sent as UTF-8. */
export async function* stream(chunks: Iterable<string | Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? toBytes(chunk) : chunk;
}

/** The bytes cut before each of these positions, in any order. */
export function cutAt(bytes: Uint8Array, positions: readonly number[]): Uint8Array[] {
  const cuts = [0, ...[...positions].sort((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, index) => bytes.subarray(cuts[index], end));
}

/** Up to `max` places to cut these bytes; empty chunks among the results. */
export function cuts(bytes: Uint8Array, max: number): fc.Arbitrary<number[]> {
  return fc.array(fc.nat(bytes.length), { minLength: 1, maxLength: max });
}
