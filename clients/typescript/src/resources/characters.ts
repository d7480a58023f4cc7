import type { Http } from '../http/http.ts';
import type { Query } from '../http/query.ts';
import type { Character, Reply } from '../types.ts';
import { createNumberedList, type List, type ListOptions } from './list.ts';

export interface CharacterQuery extends ListOptions {
  /** Filters of Strapi, e.g. `{ name: { $containsi: 'maren' } }`. */
  readonly filters?: Query;
  /** A field with its direction, e.g. `name:asc`. */
  readonly sort?: string;
  /** Adds the pictures. */
  readonly withAvatar?: boolean;
}

export interface CharacterCalls {
  /** Lists the published characters. */
  list(query?: CharacterQuery): List<Character>;
  /** Finds a character by its `documentId` or `id`. */
  get(id: string | number, options?: Pick<CharacterQuery, 'withAvatar'>): Promise<Character>;
  /** Returns whether a character takes files with a question. */
  takesFiles(id: string | number): Promise<boolean>;
}

export function createCharacterCalls(http: Http): CharacterCalls {
  const path = '/api/ai-characters';
  const populate = (withAvatar: boolean | undefined) => (withAvatar === true ? 'avatar' : undefined);

  return {
    list: ({ filters, sort, withAvatar, pageSize = 25, signal } = {}) =>
      createNumberedList(
        async (page) => {
          const query = { filters, sort, populate: populate(withAvatar), pagination: { page, pageSize } };
          const reply = await http.json<Reply<'listCharacters'>>({ method: 'GET', path, query, signal });
          const { pagination } = reply.meta;
          const pageCount = 'pageCount' in pagination ? (pagination.pageCount ?? 0) : 0;
          // Without `fields`, the server sends whole characters.
          const items = reply.data as Character[];
          return { items, total: pagination.total ?? null, isLast: page >= pageCount };
        },
        ({ documentId }) => documentId,
      ),
    async get(id, { withAvatar } = {}) {
      const request = { method: 'GET', path: `${path}/${encodeURIComponent(id)}` } as const;
      const query = { populate: populate(withAvatar) };
      return (await http.json<{ readonly data: Character }>({ ...request, query })).data;
    },
    async takesFiles(id) {
      const request = { method: 'GET', path: `/api/dify/${encodeURIComponent(id)}/v1/parameters` } as const;
      const { file_upload: files } = await http.json<Reply<'difyParameters'>>(request);
      return files.image.enabled;
    },
  };
}
