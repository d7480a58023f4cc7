import type { FileLinks, LinkedFile } from '../contract/file/link';
import type { FileContent } from '../model/file';
import type { Upstreams } from '../ports/upstreams';
import { createSealer } from './sealed';

/** The files of answers, which the server fetches from their upstream. */
export interface AnswerFiles {
  /** Makes links that need no login, because an `<img>` sends no header. They expire. */
  readonly links: FileLinks;
  /**
   * Opens the file of a link.
   * @returns null if the link has expired or is not from this server, and if the upstream no longer has the file.
   * @throws ChatError `upstream-…`
   */
  open(link: string, signal: AbortSignal): Promise<FileContent | null>;
}

export interface AnswerFilesOptions {
  readonly upstreams: Pick<Upstreams, 'find'>;
  /** A secret of this installation. Links of other processes with the same one are valid. */
  readonly secret: string;
}

/** Longer than any answer takes, because a client can replay its events. */
const linkLifeMs = 30 * 60_000;

export const linkPath = '/api/chat-conversations/files';

interface Sealed {
  readonly file: LinkedFile;
  readonly expires: number;
}

export function createAnswerFiles({ upstreams, secret }: AnswerFilesOptions): AnswerFiles {
  const sealer = createSealer(secret);
  return {
    links: {
      to: (file) => `${linkPath}/${sealer.seal({ file, expires: Date.now() + linkLifeMs } satisfies Sealed)}`,
    },
    async open(link, signal) {
      const { file, expires } = (sealer.open(link) as Sealed | null) ?? { expires: 0 };
      if (file === undefined || expires < Date.now()) return null;
      const upstream = await upstreams.find(file.upstreamId);
      return (await upstream?.files?.open(file, signal)) ?? null;
    },
  };
}
