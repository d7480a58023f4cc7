import { NetworkError } from '../http/errors.ts';
import type { Http } from '../http/http.ts';
import type { ExportLine, Reply } from '../types.ts';

/** The calls for all that the server keeps of a user. */
export interface OwnDataCalls {
  /** Yields the account, its tokens, sessions, messages and uploads. @throws NetworkError if it is cut off. */
  export(options?: { readonly signal?: AbortSignal }): AsyncGenerator<ExportLine, void>;
  /** Erases all sessions, messages and personal tokens permanently. The account stays. */
  erase(): Promise<Reply<'eraseOwnData'>['data']>;
}

export function createOwnDataCalls(http: Http): OwnDataCalls {
  return {
    async *export({ signal } = {}) {
      const { chunks } = await http.open({ method: 'GET', path: '/api/chat/export', signal });
      let rest = '';
      for await (const chunk of chunks) {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) yield JSON.parse(line) as ExportLine;
      }
      if (rest !== '') throw new NetworkError('The export was cut off.');
    },
    erase: async () =>
      (await http.json<Reply<'eraseOwnData'>>({ method: 'DELETE', path: '/api/chat/me' })).data,
  };
}
