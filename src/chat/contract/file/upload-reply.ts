import type { Owner } from '../../model/owner';
import type { Upload } from '../../ports/file-store';

/** An upload as the HTTP API shows it: as Dify shows one, so that a client of Dify understands it. */
export interface UploadReply {
  /** The `upload_file_id` of a question. */
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly extension: string;
  readonly mime_type: string;
  readonly created_by: string;
  /** Seconds since 1970. */
  readonly created_at: number;
}

export function toUploadReply({ id, name, size, mimeType, createdAt }: Upload, owner: Owner): UploadReply {
  return {
    id,
    name,
    size,
    extension: extensionOf(name),
    mime_type: mimeType,
    created_by: owner.documentId,
    created_at: Math.floor(createdAt.getTime() / 1000),
  };
}

/** Returns e.g. `png`; an empty text if the name has no extension. */
export function extensionOf(name: string): string {
  return /\.([^.]+)$/u.exec(name)?.[1]?.toLowerCase() ?? '';
}
