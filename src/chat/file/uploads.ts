import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import { fileTypeOf, type InlineFile } from '../contract/file/inline-file';
import { extensionOf } from '../contract/file/upload-reply';
import { ChatError } from '../errors';
import type { WriteLimits } from '../limits/write-limits';
import type { Character } from '../model/character';
import type { FileUpload, KeptFile, QuestionFile } from '../model/file';
import { toUpstreamUser, type Owner } from '../model/owner';
import type { CharacterSource } from '../ports/character-source';
import type { FileStore, Upload } from '../ports/file-store';
import type { NamedUpstream, Upstreams } from '../ports/upstreams';
import type { FileSettings } from '../settings';

/** The files that users upload for their questions. */
export interface Uploads {
  /**
   * Passes a file to the upstream of a character, and remembers whose it is.
   * @throws ChatError `payload-too-large`, `unsupported-media-type`, `character-not-found`, those of the `WriteLimits`,
   *   and `upstream-…` (the upload to Dify failed).
   */
  add(owner: Owner, characterId: string, file: FileUpload): Promise<Upload>;
  /** Does the same for files that come inside a question, in order. @returns the files as the question names them. */
  addInline(
    owner: Owner,
    characterId: string,
    files: readonly InlineFile[],
  ): Promise<readonly QuestionFile[]>;
  /**
   * Checks the files of a question that this upstream gets.
   * @throws ChatError `invalid-request` for a file that the owner has not uploaded there, for an address on a host that
   *   the settings do not allow, and for another file than an image if the upstream takes only images.
   */
  check(owner: Owner, upstream: NamedUpstream, files: readonly QuestionFile[]): Promise<void>;
  /** Returns whether a character takes files. False while its upstream cannot be asked. */
  takesFiles(character: Pick<Character, 'upstream'>): Promise<boolean>;
  /** Returns what is known of the uploads among these files, by their ids. */
  describe(owner: Owner, files: readonly QuestionFile[]): Promise<ReadonlyMap<string, Upload>>;
  /** Returns the bytes of an own upload that the server keeps; null if it is gone. */
  read(owner: Owner, upstreamId: string, id: string): Promise<KeptFile | null>;
  /** Erases the bytes that the server has kept for a day. */
  purge(): Promise<void>;
}

export interface UploadsOptions {
  readonly settings: FileSettings;
  readonly store: FileStore;
  readonly characters: CharacterSource;
  readonly upstreams: Pick<Upstreams, 'choose'>;
  readonly writes: WriteLimits;
}

/** An image that a question must bring is kept for this long after its upload. */
const keptMs = 86_400_000;

export function createUploads(options: UploadsOptions): Uploads {
  const { settings, store, characters, upstreams, writes } = options;
  return {
    add,
    async addInline(owner, characterId, files) {
      const added: QuestionFile[] = [];
      for (const { name, mimeType, bytes } of files) {
        const file = { name, mimeType, size: bytes.length, open: () => Readable.from([bytes]) };
        const { id } = await add(owner, characterId, file);
        added.push({ type: fileTypeOf(mimeType), transfer_method: 'local_file', upload_file_id: id });
      }
      return added;
    },

    async check(owner, upstream, files) {
      if (files.length === 0) return;
      const own = await store.findOwn(owner, upstream.id, uploadIdsOf(files));
      for (const [index, file] of files.entries()) {
        const field = `data.files.${index}`;
        if (upstream.upstream.files === undefined && file.type !== 'image') throw onlyImages(field);
        assertUsable(field, file, own);
      }
    },

    async takesFiles({ upstream: choice }) {
      if (settings.maxFiles === 0) return false;
      try {
        const { upstream } = await upstreams.choose(choice);
        return (await upstream.takesFiles?.()) ?? true;
      } catch (error) {
        if (error instanceof ChatError) return false;
        throw error;
      }
    },

    async describe(owner, files) {
      const ids = uploadIdsOf(files);
      return ids.length === 0 ? new Map() : store.findUploads(owner, ids);
    },

    read: (owner, upstreamId, id) => store.read(owner, upstreamId, id),
    purge: () => store.eraseKept(new Date(Date.now() - keptMs)),
  };

  async function add(owner: Owner, characterId: string, file: FileUpload): Promise<Upload> {
    assertAllowed(file, settings);
    const character = await characters.findPublished(characterId);
    if (character === null) throw new ChatError('character-not-found');
    const upstream = await upstreams.choose(character.upstream);
    const { id, base64 } = await pass(owner, upstream, file);
    const { name, mimeType, size } = file;
    const upload = { id, upstreamId: upstream.id, name, mimeType, size, createdAt: new Date() };
    await store.save(owner, { ...upload, base64 });
    return upload;
  }

  async function pass(
    owner: Owner,
    { upstream: { files } }: NamedUpstream,
    file: FileUpload,
  ): Promise<{ readonly id: string; readonly base64: string | null }> {
    if (files !== undefined) {
      await writes.count(owner);
      return { id: await files.upload(file, toUpstreamUser(owner)), base64: null };
    }
    if (!file.mimeType.startsWith('image/')) throw notAllowed('This character takes only images.');
    // Base64 has four characters for three bytes. The server stores them, so they count.
    await writes.count(owner, Math.ceil(file.size / 3) * 4);
    return { id: randomUUID(), base64: (await buffer(file.open())).toString('base64') };
  }

  function assertUsable(field: string, file: QuestionFile, own: ReadonlySet<string>): void {
    const isAllowed =
      file.transfer_method === 'remote_url'
        ? settings.hosts.includes(new URL(file.url).host)
        : own.has(file.upload_file_id);
    if (!isAllowed) throw unusable(field, file);
  }
}

const uploadIdsOf = (files: readonly QuestionFile[]): readonly string[] =>
  files.flatMap((file) => (file.transfer_method === 'local_file' ? [file.upload_file_id] : []));

const onlyImages = (field: string) =>
  new ChatError('invalid-request', { sentence: `${field}.type must be image for this character.` });

/** The same error for another user's file and for an unknown one. */
function unusable(field: string, file: QuestionFile): ChatError {
  if (file.transfer_method === 'remote_url') {
    return new ChatError('invalid-request', {
      sentence: `${field}.url is on a host that this server does not allow. Upload the file instead.`,
      details: { url: file.url },
    });
  }
  return new ChatError('invalid-request', {
    sentence: `${field}.upload_file_id is no file that you have uploaded for this character. Upload it again.`,
    details: { upload_file_id: file.upload_file_id },
  });
}

function assertAllowed({ name, mimeType, size }: FileUpload, settings: FileSettings): void {
  const { maxFiles, maxBytes, mimeTypes, extensions } = settings;
  if (maxFiles === 0) throw notAllowed('This server takes no files.');
  if (size > maxBytes) {
    throw new ChatError('payload-too-large', {
      sentence: `The file is larger than ${maxBytes} bytes. Send a smaller one.`,
    });
  }
  if (mimeTypes.includes(mimeType) && extensions.includes(extensionOf(name))) return;
  throw notAllowed(`Send a file of one of these kinds: ${extensions.join(', ')}.`);
}

const notAllowed = (sentence: string) => new ChatError('unsupported-media-type', { sentence });
