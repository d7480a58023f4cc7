import type { Http } from '../http/http.ts';
import type { QuestionFile, Reply } from '../types.ts';

export type UploadedFile = Reply<'uploadFile'>;

export interface Upload {
  /** The character that the question is for. */
  readonly character_id: string | number;
  /** Its type must be one that the server takes, e.g. `image/png`. */
  readonly file: Blob;
  /** Default: the name of a `File`. */
  readonly name?: string;
}

export interface FileCalls {
  /** Uploads a file for a question. */
  upload(upload: Upload): Promise<UploadedFile>;
  /** Returns an uploaded file as `ask` takes it in `files`. */
  toQuestionFile(uploaded: UploadedFile): QuestionFile;
  /** Returns the address of a picture, or of a file of an answer. The latter is valid for 30 minutes. Neither needs a login. */
  url(file: { readonly url: string }): string;
}

export function createFileCalls(http: Http, baseUrl: string): FileCalls {
  return {
    async upload({ character_id, file, name }) {
      const form = new FormData();
      form.append('character_id', String(character_id));
      form.append(
        'file',
        file,
        name ?? ('name' in file && typeof file.name === 'string' ? file.name : 'file'),
      );
      return http.json<UploadedFile>({ method: 'POST', path: '/api/chat-conversations/files', body: form });
    },
    toQuestionFile: ({ id, mime_type }) => ({
      type: mime_type.startsWith('image/') ? 'image' : 'document',
      transfer_method: 'local_file',
      upload_file_id: id,
    }),
    url: ({ url }) => (url.startsWith('/') ? `${baseUrl}${url}` : url),
  };
}
