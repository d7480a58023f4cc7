import type { Message } from 'character-chat-client';

import { words } from '../i18n';
import { client } from '../platform/client';

export interface FileListProps {
  readonly files: Message['files'];
  /** The names of files that are being sent. */
  readonly names?: readonly string[];
}

/** The files of a question or an answer. Only those of answers have an address here. */
export function FileList({ files, names = [] }: FileListProps) {
  if (files.length + names.length === 0) return null;
  return (
    <ul class="files">
      {names.map((name, index) => (
        <li key={index}>{name}</li>
      ))}
      {files.map((file, index) => (
        <li key={index}>
          <FileView file={file} />
        </li>
      ))}
    </ul>
  );
}

function FileView({ file }: { readonly file: Message['files'][number] }) {
  const { file: label, openFile } = words.value;
  if (!('belongs_to' in file)) return <span>{`${label} (${file.type})`}</span>;
  const address = client.files.url(file);
  return (
    <a href={address} target="_blank" rel="noopener noreferrer" aria-label={openFile}>
      {file.type === 'image' ? <img src={address} alt="" loading="lazy" /> : label}
    </a>
  );
}
