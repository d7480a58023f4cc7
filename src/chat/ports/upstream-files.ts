import type { Readable } from 'node:stream';

import type { AnswerFile } from '../model/file';

/** The files of an upstream that keeps them. */
export interface UpstreamFiles {
  /**
   * Uploads a file for a user: `POST /files/upload`. Dify takes its id in the questions of every user, so the caller
   * must check whose file a question names.
   * @returns the id of the file in questions.
   * @throws ChatError `payload-too-large` or `unsupported-media-type` if Dify refuses the file; `upstream-…` if the
   *   request fails.
   */
  upload(file: FileUpload, user: string): Promise<string>;
  /**
   * Opens a file of an answer, also after its link has expired. The caller must read or destroy the body.
   * @returns null if the upstream no longer has it, and if the settings do not allow its host.
   * @throws ChatError `upstream-…` if the request fails.
   */
  open(file: FileOfAnswer, signal: AbortSignal): Promise<FileContent | null>;
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
