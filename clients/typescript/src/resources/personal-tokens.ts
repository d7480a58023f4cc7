import type { Http } from '../http/http.ts';
import type { Body, PersonalToken, Reply } from '../types.ts';

/** The calls for tokens of clients that cannot renew a login. They need a login, not a personal token. */
export interface PersonalTokenCalls {
  /** Creates a token. Only this reply has its text, in `token`. */
  create(token: Body<'createToken'>['data']): Promise<Reply<'createToken'>['data']>;
  list(): Promise<readonly PersonalToken[]>;
  revoke(tokenId: string): Promise<void>;
}

export function createPersonalTokenCalls(http: Http): PersonalTokenCalls {
  const path = '/api/chat/tokens';
  return {
    create: async (data) =>
      (await http.json<Reply<'createToken'>>({ method: 'POST', path, body: { data } })).data,
    list: async () => (await http.json<Reply<'listTokens'>>({ method: 'GET', path })).data,
    async revoke(tokenId) {
      await http.json({ method: 'DELETE', path: `${path}/${encodeURIComponent(tokenId)}` });
    },
  };
}
