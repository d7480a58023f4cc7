import { extensionOf } from './upload-reply';
import type { FileType } from '../../model/file';
import { toStorableText } from '../../shared/storable-text';

/** A file that comes inside a question, as a `data:` URL. */
export interface InlineFile {
  readonly name: string;
  readonly mimeType: string;
  readonly bytes: Buffer;
}

const maxNameChars = 255;

/**
 * Reads a `data:` URL in base64. The server fetches no address.
 * @param name the name that the client gives the file. Without an extension, it gets that of the media type.
 * @returns null for any other URL.
 */
export function toInlineFile(url: string, name: string): InlineFile | null {
  const [, type = '', base64 = ''] =
    /^data:([a-z0-9.+-]+\/[a-z0-9.+-]+)(?:;[^;,]+)*;base64,([a-z0-9+/]+={0,2})$/iu.exec(url) ?? [];
  if (base64 === '') return null;
  const mimeType = type.toLowerCase();
  const whole = extensionOf(name) === '' ? `${name}.${mimeType.replace(/^[^/]*\//u, '')}` : name;
  return {
    name: toStorableText(whole).slice(-maxNameChars),
    mimeType,
    bytes: Buffer.from(base64, 'base64'),
  };
}

/** Returns the kind of a file by its media type, as Dify names it. */
export function fileTypeOf(mimeType: string): FileType {
  const [start = ''] = mimeType.split('/');
  return start === 'image' || start === 'audio' || start === 'video' ? start : 'document';
}
