import type { Owner } from '../model/owner';
import type { After } from '../shared/walk';
import type { KeptFile } from '../model/file';

/** An upload, and whose it is. */
export interface Upload {
  /** The id in questions: the upstream's, or this server's for a file that it keeps. */
  readonly id: string;
  readonly upstreamId: string;
  readonly name: string;
  readonly mimeType: string;
  /** In bytes. */
  readonly size: number;
  readonly createdAt: Date;
}

export interface NewUpload extends Upload {
  /** The bytes, for an upstream that keeps no files. Null if the upstream has them. */
  readonly base64: string | null;
}

/** Remembers whose the uploads are, because Dify does not ask. */
export interface FileStore {
  save(owner: Owner, upload: NewUpload): Promise<void>;
  /** Returns those of the ids that the owner has uploaded to this upstream. */
  findOwn(owner: Owner, upstreamId: string, ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Returns the owner's uploads with these ids, by their ids. Those whose bytes were erased are missing. */
  findUploads(owner: Owner, ids: readonly string[]): Promise<ReadonlyMap<string, Upload>>;
  /** Returns the bytes of an own upload; null if it is unknown, or the upstream has them. */
  read(owner: Owner, upstreamId: string, id: string): Promise<KeptFile | null>;
  /** Lists the owner's uploads by age, with the ids of their rows. */
  listAfter(owner: Owner, after: After): Promise<readonly { readonly id: number; readonly upload: Upload }[]>;
  /** Erases the uploads from before this time whose bytes are here. */
  eraseKept(before: Date): Promise<void>;
}
