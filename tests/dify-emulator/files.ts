import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import path from 'node:path';
import type { App } from './apps';
import type { Call, Emulation } from './call';
import { DifyError, invalidParam } from './errors';
import type { Profile } from './frames';
import { isUploadedFile, type RecordedRequest } from './requests';
import { epochSeconds, type MessageFile, type State, type StoredFile } from './state';
import type { HttpAnswer } from './wire';

const megabyte = 1024 * 1024;
const imageExtensions: ReadonlySet<string> = new Set(['jpg', 'jpeg', 'png', 'webp', 'gif', 'svg']);

/** POST /files/upload of both APIs. Dify takes every kind of file. */
export function postFile({ emulation, request, fields, endUser }: Call): HttpAnswer {
  const { profile, state } = emulation;
  const { file } = fields;
  if (!isUploadedFile(file)) throw noFile(profile);
  const extension = path.extname(file.name).slice(1).toLowerCase();
  const maxBytes = (imageExtensions.has(extension) ? 10 : 15) * megabyte;
  // Dify forgets to fill in the placeholder.
  if (file.bytes.length > maxBytes)
    throw new DifyError(413, 'file_too_large', 'File size exceeded. {message}');
  const stored: StoredFile = {
    id: randomUUID(),
    name: file.name,
    extension,
    mimeType: file.type,
    bytes: file.bytes,
    createdBy: endUser.id,
    createdAt: epochSeconds(),
    isOfTool: false,
  };
  state.files.set(stored.id, stored);
  return { status: 201, json: uploadFields(stored, { emulation, request }) };
}

function noFile(profile: Profile): DifyError {
  return profile === '0.15'
    ? new DifyError(
        400,
        'bad_request_key_error',
        'The browser (or proxy) sent a request that this server could not understand.',
      )
    : new DifyError(400, 'no_file_uploaded', 'Please upload your file.');
}

type Asked = { readonly emulation: Emulation; readonly request: RecordedRequest };

function uploadFields(file: StoredFile, asked: Asked): Record<string, unknown> {
  const fields = {
    id: file.id,
    name: file.name,
    size: file.bytes.length,
    extension: file.extension,
    mime_type: file.mimeType,
    created_by: file.createdBy,
    created_at: file.createdAt,
  };
  if (asked.emulation.profile === '0.15') return fields;
  return {
    ...fields,
    preview_url: null,
    source_url: linkTo(file, asked),
    original_url: null,
    user_id: null,
    tenant_id: asked.emulation.state.tenantId,
    conversation_id: null,
    file_key: null,
  };
}

/** A signed link, which works without a key. 1.x escapes the signature. */
export function linkTo(file: StoredFile, { emulation, request }: Asked): string {
  const timestamp = String(epochSeconds());
  const nonce = randomBytes(16).toString('hex');
  const sign = signatureOf(emulation.state, { id: file.id, timestamp, nonce });
  const query = `timestamp=${timestamp}&nonce=${nonce}&sign=${
    emulation.profile === '0.15' ? sign : encodeURIComponent(sign)
  }`;
  const place = file.isOfTool ? `tools/${file.id}.${file.extension}` : `${file.id}/file-preview`;
  return `http://${request.headers.host ?? ''}/files/${place}?${query}`;
}

function signatureOf(
  { fileSecret }: State,
  { id, timestamp, nonce }: Readonly<Record<'id' | 'timestamp' | 'nonce', string>>,
): string {
  const sign = createHmac('sha256', fileSecret).update(`${id}|${timestamp}|${nonce}`).digest('base64url');
  return `${sign}=`;
}

const filePath = /^\/files\/(?:tools\/([\w-]{36})\.\w+|([\w-]{36})\/file-preview)$/u;

export const isFileLink = (pathname: string): boolean => filePath.test(pathname);

const linkLifeSeconds = 300;

/** GET of a signed link. */
export function getFile({ state }: Emulation, { pathname, searchParams }: URL): HttpAnswer {
  const [, ofTool, uploaded] = filePath.exec(pathname) ?? [];
  const id = ofTool ?? uploaded ?? '';
  const of = (name: string): string => searchParams.get(name) ?? '';
  const timestamp = of('timestamp');
  const isSigned = of('sign') === signatureOf(state, { id, timestamp, nonce: of('nonce') });
  if (!isSigned || epochSeconds() - Number(timestamp) > linkLifeSeconds)
    throw new DifyError(403, 'forbidden', 'Invalid request.');
  const file = state.files.get(id);
  if (!file) throw new DifyError(404, 'not_found', 'File not found');
  return { status: 200, headers: { 'Content-Type': file.mimeType }, body: file.bytes };
}

/** Returns the files of a question. An app that takes none ignores them. Dify does not ask whose a file is. */
export async function readQuestionFiles(
  state: State,
  app: App,
  given: readonly Readonly<Record<string, unknown>>[],
): Promise<readonly MessageFile[]> {
  if (!app.takesFiles) return [];
  return Promise.all(
    given.map(async ({ type, transfer_method: method, upload_file_id: fileId, url }) => {
      const common = { id: randomUUID(), type: String(type), belongsTo: 'user' } as const;
      if (method === 'remote_url')
        return { ...common, file: await readRemote(String(url)), url: String(url) };
      const file = state.files.get(String(fileId));
      if (!file) throw invalidParam('Invalid upload file');
      return { ...common, file };
    }),
  );
}

async function readRemote(url: string): Promise<StoredFile> {
  const response = await fetch(url).catch(() => undefined);
  if (!response?.ok) throw invalidParam(`Reached maximum retries (3) for URL ${url}`);
  const name = path.posix.basename(new URL(url).pathname);
  return {
    id: randomUUID(),
    name,
    extension: path.extname(name).slice(1),
    mimeType: response.headers.get('content-type') ?? '',
    bytes: Buffer.from(await response.arrayBuffer()),
    createdBy: '',
    createdAt: epochSeconds(),
    isOfTool: false,
  };
}

/** Saves a file that the app itself has made. */
export function insertToolFile(
  state: State,
  { name, mimeType, bytes }: Pick<StoredFile, 'name' | 'mimeType' | 'bytes'>,
): StoredFile {
  const file: StoredFile = {
    id: randomUUID(),
    name,
    extension: path.extname(name).slice(1),
    mimeType,
    bytes,
    createdBy: '',
    createdAt: epochSeconds(),
    isOfTool: true,
  };
  state.files.set(file.id, file);
  return file;
}

/** Returns an entry of `message_files` in the history. */
export function messageFileFields({ id, type, belongsTo, file, url }: MessageFile, asked: Asked): unknown {
  const local = file.isOfTool ? 'tool_file' : 'local_file';
  const isRemote = url !== undefined;
  return {
    id,
    filename: file.name,
    type,
    url: url ?? linkTo(file, asked),
    mime_type: file.mimeType,
    size: file.bytes.length,
    transfer_method: isRemote ? 'remote_url' : local,
    belongs_to: belongsTo,
    ...(asked.emulation.profile === '1.x' && { upload_file_id: isRemote || file.isOfTool ? null : file.id }),
  };
}
