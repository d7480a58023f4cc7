import { z } from 'zod';

import type { Message } from './messages';
import { highlight, type Segment } from './highlight';
import type { Owner } from './owner';
import type { Page, Range } from './session-access';
import { contentOf } from './session-reply';
import { parse, parsePage } from './session-request';
import { toStorableText } from './storable-text';

/** A message in which the text was found, with the title of its session. */
export interface Hit {
  readonly message: Message;
  readonly title: string | null;
}

export interface SearchStore {
  /** The owner's messages with this text in what was said in them, without regard to case; the newest first. */
  search(owner: Owner, text: string, range: Range): Promise<Page<Hit>>;
}

/** A hit as a client sees it: where the text stands, and not the whole message, which can be long. */
export interface HitReply {
  readonly message_id: number;
  readonly public_id: string;
  readonly session_id: string | null;
  readonly title: string | null;
  readonly turn_id: string | null;
  readonly role: string;
  readonly outcome: string | null;
  readonly highlights: readonly Segment[];
  readonly created_at: string;
}

export interface SearchReply {
  readonly data: readonly HitReply[];
  readonly meta: {
    readonly pagination: {
      readonly page: number;
      readonly pageSize: number;
      readonly pageCount: number;
      readonly total: number;
    };
  };
}

export interface Search {
  /**
   * `q`, `page?`, `page_size?`
   * @throws ChatError `invalid-request`
   */
  search(owner: Owner, params: unknown): Promise<SearchReply>;
}

const defaultPageSize = 20;
const maxChars = 200;

const request = z.object({
  q: z
    .string('has to be the text to look for')
    .max(maxChars, `can be at most ${maxChars} characters long`)
    .refine((text) => text.trim() !== '', 'has to be the text to look for: it is empty')
    .transform(toStorableText),
});

export function createSearch(store: SearchStore): Search {
  return {
    async search(owner, params) {
      const { q } = parse(request, params);
      const { page, pageSize, range } = parsePage(params, defaultPageSize);
      const { items, total } = await store.search(owner, q, range);
      return {
        data: items.map((hit) => toReply(hit, q)),
        meta: { pagination: { page, pageSize, pageCount: Math.ceil(total / pageSize), total } },
      };
    },
  };
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
    highlights: highlight(contentOf(message), text),
    created_at: message.createdAt.toISOString(),
  };
}
