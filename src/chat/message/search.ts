import { z } from 'zod';

import { ChatError } from '../errors';
import { boundedText } from '../contract/bounded';
import { highlight } from './highlight';
import { parse } from '../contract/invalid-request';
import { isBlank } from '../shared/blank-text';
import type { Owner } from '../model/owner';
import type { Range } from '../model/page';
import type { HitReply, SearchReply } from '../contract/messages/search-reply';
import { contentOf } from '../contract/sessions/reply';
import { parsePage } from '../contract/sessions/request';
import type { Hit, SearchStore } from '../ports/search-store';

export interface Search {
  /**
   * Searches by `q`, `page_size?`, and `page?` or `cursor?`.
   * @throws ChatError `invalid-request`
   */
  search(owner: Owner, params: unknown, signal?: AbortSignal): Promise<SearchReply>;
}

const defaultPageSize = 20;
const maxChars = 200;

/** The largest row id in both databases. */
const maxId = 2_147_483_647;
const isNoCursor = 'must be a value of meta.nextCursor';

/** Parameters of a search. `parsePage` reads the page. */
export const searchParameters = z.object({
  q: boundedText(z.string('must be the text to look for'), maxChars)
    .refine((text) => !isBlank(text), 'must be the text to look for: it is empty')
    .describe(
      'The text: 1 to 200 characters in any language. Case does not matter. `%` and `_` are ordinary.',
    ),
  cursor: z
    .string(isNoCursor)
    .max(20, isNoCursor)
    .transform((cursor) => Buffer.from(cursor, 'base64url').toString('latin1'))
    .refine((id) => /^\d{1,10}$/u.test(id) && Number(id) <= maxId, isNoCursor)
    .transform(Number)
    .optional()
    .describe('A `meta.nextCursor`: continues after that page. Not with a later `page`.'),
});

/** The maximum rows and milliseconds of one search. After that, the reply has a cursor that continues. */
const maxRows = 20_000;
const maxMs = 5_000;
/** How many rows one statement reads. Statements of other users run between two of them. */
const windowRows = 2_000;

export function createSearch(store: SearchStore, now = () => performance.now()): Search {
  return {
    async search(owner, params, signal) {
      const { q, cursor } = parse(searchParameters, params);
      const { page, pageSize, range } = parsePage(params, defaultPageSize);
      if (cursor !== undefined && page > 1) {
        throw new ChatError('invalid-request', { sentence: 'cursor cannot be combined with page.' });
      }
      // A page with a cursor is done when it is full. A page with a number also shows the total of hits.
      const wanted = cursor === undefined ? maxRows : pageSize + 1;
      const { ids, end } = await lookThrough(owner, q, { before: cursor ?? maxId, wanted, signal });
      const hits = await store.findHits(owner, toPage(ids, range));
      const pagination = { page, pageSize, pageCount: Math.ceil(ids.length / pageSize), total: ids.length };
      return {
        data: hits.map((hit) => toReply(hit, q)),
        meta: {
          ...(cursor === undefined && { pagination: { ...pagination, isTotalExact: end === null } }),
          nextCursor: toNextCursor(ids, range, end),
        },
      };
    },
  };

  /** Searches window by window, until it has enough hits or reaches a limit. */
  async function lookThrough(
    owner: Owner,
    text: string,
    {
      before,
      wanted,
      signal,
    }: { readonly before: number; readonly wanted: number; readonly signal: AbortSignal | undefined },
  ): Promise<Found> {
    const ids: number[] = [];
    const startedAt = now();
    let end: number | null = before;
    for (let rows = 0; rows < maxRows && ids.length < wanted && now() - startedAt < maxMs;) {
      const window = await store.searchWindow(owner, text, { before: end, size: windowRows, signal });
      ids.push(...window.ids);
      rows += windowRows;
      end = window.end;
      if (end === null) break;
    }
    return { ids, end };
  }
}

interface Found {
  /** The newest first. */
  readonly ids: readonly number[];
  /** The `before` of the next window; null if no messages are left. */
  readonly end: number | null;
}

function toPage(ids: readonly number[], { offset, limit }: Range): readonly number[] {
  return ids.slice(offset, offset + limit);
}

function toNextCursor(ids: readonly number[], range: Range, end: number | null): string | null {
  const isLastPage = ids.length <= range.offset + range.limit;
  const place = isLastPage ? end : (toPage(ids, range).at(-1) ?? null);
  return place === null ? null : Buffer.from(String(place)).toString('base64url');
}

function toReply({ message, title }: Hit, text: string): HitReply {
  return {
    message_id: message.id,
    public_id: message.messageId,
    session_id: message.sessionId,
    title,
    turn_id: message.turnId,
    role: message.role,
    outcome: message.outcome,
    is_superseded: message.isSuperseded,
    highlights: highlight(contentOf(message), text),
    created_at: message.createdAt.toISOString(),
  };
}
