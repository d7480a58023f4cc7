/** The files of both Dify APIs: uploads, and the files of answers. */
import { pipeline, Transform } from 'node:stream';

import { ChatError } from '../../chat/errors';
import type { FileContent, FileOfAnswer } from '../../chat/model/file';
import type { DeadlineSettings } from '../../chat/settings';
import { createCall, isSuccess, type Call } from '../http/call';
import { codeOfStatus, fromTransportError } from '../http/errors';
import type { ShortReply } from '../http/short-call';
import { parseMessageFiles, parseUpload } from './schema';
import { requireOk } from './short-reply';

/** From the connection to the end of the reply. Dify saves the file before it replies. */
export const uploadTimeoutMs = 60_000;

/** Returns the id of an uploaded file. @throws ChatError */
export function requireUploaded(reply: ShortReply): string {
  const id = parseUpload(requireOk(reply));
  if (id === null) throw new ChatError('upstream-malformed');
  return id;
}

export interface LinkSettings extends DeadlineSettings {
  /** The address of Dify, without the path of the API and without a slash after it. */
  readonly root: string;
  /** Other hosts from which the server may fetch files. */
  readonly fileHosts: readonly string[];
}

/** Returns a page of the messages of the file's conversation: the newest ones, or those before this message. */
export type ListMessages = (file: FileOfAnswer, query: Readonly<Record<string, string>>) => Promise<string>;

/** See `UpstreamFiles.open`. Dify's links expire after some minutes, so it looks up a new one if necessary. */
export async function openFile(
  settings: LinkSettings,
  list: ListMessages,
  file: FileOfAnswer,
  signal: AbortSignal,
): Promise<FileContent | null> {
  const first = await openLink(settings, file.url, signal);
  if (first !== null) return first;
  const url = await findLink(list, file);
  return url === null ? null : openLink(settings, url, signal);
}

const pageSize = 100;
/** An older file counts as gone. */
const maxPages = 10;

async function findLink(list: ListMessages, file: FileOfAnswer): Promise<string | null> {
  const { conversationId, messageId, id } = file;
  if (conversationId === null) return null;
  let before: Record<string, string> = {};
  for (let page = 0; page < maxPages; page += 1) {
    const query = { conversation_id: conversationId, limit: String(pageSize), ...before };
    const messages = parseMessageFiles(await list(file, query));
    const found = messages.find((message) => message.id === messageId);
    if (found !== undefined) return found.files.find((one) => one.id === id)?.url ?? null;
    const [oldest] = messages;
    if (oldest === undefined || messages.length < pageSize) return null;
    before = { first_id: oldest.id };
  }
  return null;
}

/** The path of a signed link. Dify serves it at its own address, whatever address it writes into the link. */
const signedPath = /\/files\/(?:tools\/[\w.-]+|[\w-]+\/(?:file|image)-preview)$/u;

/**
 * Returns where the server fetches a file: from Dify, or from a host that the settings allow. Null for every other
 * address, so that no answer can make the server call one inside its network.
 */
export function toAddress(
  url: string,
  { root, fileHosts }: Pick<LinkSettings, 'root' | 'fileHosts'>,
): { readonly base: string; readonly path: string } | null {
  if (!URL.canParse(url, `${root}/`)) return null;
  const { protocol, host, origin, pathname, search } = new URL(url, `${root}/`);
  const [path] = signedPath.exec(pathname) ?? [];
  if (path !== undefined) return { base: root, path: `${path}${search}` };
  if (!['http:', 'https:'].includes(protocol) || !fileHosts.includes(host)) return null;
  return { base: origin, path: `${pathname}${search}` };
}

/** Opens a link, without a key. Returns null if it has expired or its file is gone. */
async function openLink(
  settings: LinkSettings,
  url: string,
  signal: AbortSignal,
): Promise<FileContent | null> {
  const address = toAddress(url, settings);
  if (address === null) return null;
  const call = createCall({ ...settings, apiUrl: address.base, apiKey: '' }, signal);
  try {
    const { status, contentType, body } = await call.get(address.path, {}, '*/*');
    if (isSuccess(status)) return { mimeType: contentType, body: pipeline(body, watched(call), ignore) };
    body.destroy();
    call.deadlines.cancel();
    if (isGone(status)) return null;
    throw new ChatError(codeOfStatus(status), { cause: { upstreamStatus: status } });
  } catch (error) {
    call.deadlines.cancel();
    throw call.expired() ?? fromTransportError(error, { hasBegun: false });
  }
}

const isGone = (status: number): boolean => [401, 403, 404, 410].includes(status);

/** Passes bytes on, and lets the deadlines of the call see them. */
function watched({ deadlines }: Call): Transform {
  const body = new Transform({
    transform(chunk, _encoding, done) {
      deadlines.received();
      done(null, chunk);
    },
  });
  return body.once('close', () => deadlines.cancel());
}

/** The reader of the body sees its errors. */
const ignore = (): void => undefined;
