import type { Readable } from 'node:stream';

export const fileTypes = ['image', 'document', 'audio', 'video', 'custom'] as const;

export type FileType = (typeof fileTypes)[number];

/** A file of a question. Its keys are those of Dify: clients, the database and Dify all use them. */
export type QuestionFile =
  | {
      readonly type: FileType;
      readonly transfer_method: 'local_file';
      readonly upload_file_id: string;
    }
  | { readonly type: FileType; readonly transfer_method: 'remote_url'; readonly url: string };

/** A file of an answer. */
export interface AnswerFile {
  /** The id that the upstream gives it inside its message. */
  readonly id: string;
  /** E.g. `image`. */
  readonly type: string;
  /** The first link of the upstream. It expires, and no reply contains it. */
  readonly url: string;
}

export interface FileUpload {
  readonly name: string;
  readonly mimeType: string;
  /** In bytes. */
  readonly size: number;
  /** Returns the bytes from the start. A second call begins again. */
  open(): Readable;
}

/** A file of an answer, with the ids to find it again. */
export interface FileOfAnswer extends AnswerFile {
  /** The `user` that the server sent to Dify. */
  readonly user: string;
  readonly conversationId: string | null;
  readonly messageId: string;
}

export interface FileContent {
  /** As the upstream sent it. */
  readonly mimeType: string;
  readonly body: Readable;
}

/** The bytes of an upload that the server keeps, for an upstream that keeps none. */
export interface KeptFile {
  readonly mimeType: string;
  readonly base64: string;
}
