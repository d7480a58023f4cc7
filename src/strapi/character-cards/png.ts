/** Reads and writes the text chunks of a PNG picture. https://www.w3.org/TR/png-3/#11tEXt */
import { crc32 } from 'node:zlib';

import { CardError } from './card-error';

interface Chunk {
  readonly type: string;
  readonly data: Buffer;
}

/** Text chunks by their keyword. Their text is Latin-1. */
export type PngTexts = ReadonlyMap<string, string>;

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
/** The length, the type and the checksum of a chunk. */
const frameBytes = 12;
/** A picture of more pixels takes too much memory when it is decoded, however small its file is. */
const maxPixels = 50_000_000;

export function isPng(file: Buffer): boolean {
  return file.subarray(0, signature.length).equals(signature);
}

/** @throws CardError unless the file is a whole PNG of at most 50 million pixels. */
export function readTexts(file: Buffer): PngTexts {
  const chunks = readChunks(file);
  assertSize(chunks[0]);
  return new Map(
    chunks.flatMap(({ type, data }) => {
      const end = type === 'tEXt' ? data.indexOf(0) : -1;
      return end === -1 ? [] : [[data.toString('latin1', 0, end), data.toString('latin1', end + 1)] as const];
    }),
  );
}

/**
 * Returns the picture with these texts, and without any other text and metadata.
 * @throws CardError unless the file is a whole PNG.
 */
export function withTexts(file: Buffer, texts: PngTexts): Buffer {
  const kept = readChunks(file).filter(({ type }) => !isMetadata(type));
  const written = [...texts].map(([keyword, text]) => ({
    type: 'tEXt',
    data: Buffer.from(`${keyword}\0${text}`, 'latin1'),
  }));
  return Buffer.concat([signature, ...[...kept.slice(0, -1), ...written, ...kept.slice(-1)].map(toBytes)]);
}

/** A card in a picture contains the prompt, and everybody can download an avatar. */
const isMetadata = (type: string): boolean => ['tEXt', 'zTXt', 'iTXt', 'eXIf', 'tIME'].includes(type);

/** Returns all chunks, from `IHDR` to `IEND`. */
function readChunks(file: Buffer): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let at = signature.length;
  while (isPng(file) && at + frameBytes <= file.length) {
    const size = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    if (at + frameBytes + size > file.length) break;
    chunks.push({ type, data: file.subarray(at + 8, at + 8 + size) });
    if (type === 'IEND') return chunks;
    at += frameBytes + size;
  }
  throw new CardError('The picture is not a whole PNG. Save it again, or send the card as JSON.');
}

function assertSize(header: Chunk | undefined): void {
  if (header?.type !== 'IHDR' || header.data.length < 8)
    throw new CardError('The picture is not a whole PNG. Save it again, or send the card as JSON.');
  const pixels = header.data.readUInt32BE(0) * header.data.readUInt32BE(4);
  if (pixels > maxPixels)
    throw new CardError(
      `The picture has more than ${maxPixels / 1_000_000} million pixels. Make it smaller.`,
    );
}

function toBytes({ type, data }: Chunk): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const bytes = Buffer.alloc(frameBytes + data.length);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), 4 + body.length);
  return bytes;
}
