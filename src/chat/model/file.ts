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
