/** Replies of the server. `src/strapi/workplace/conversations/reply.ts` makes them. */

export const outcomes = ['completed', 'stopped', 'interrupted', 'failed', 'pending'] as const;
export const ratings = ['like', 'dislike'] as const;
export const formats = ['md', 'csv', 'json'] as const;

export type Outcome = (typeof outcomes)[number];
export type Rating = (typeof ratings)[number];
export type Format = (typeof formats)[number];
export type Mark = 'failed' | 'interrupted' | 'stopped' | Rating;

export interface Conversation {
  readonly sessionId: string;
  readonly title: string;
  readonly messageCount: number;
  readonly createdAt: string;
  readonly lastMessageAt: string;
  readonly user: { readonly id: number; readonly documentId: string; readonly username: string } | null;
  readonly character: { readonly documentId: string; readonly name: string | null } | null;
  readonly marks: Readonly<Record<Mark, number>>;
  /** Only in a search: the found text. */
  readonly excerpt?: readonly { readonly text: string; readonly isMatch: boolean }[];
}

export interface ConversationPage {
  readonly data: readonly Conversation[];
  readonly nextCursor: string | null;
}

export interface Message {
  readonly id: number;
  readonly messageId: string;
  readonly role: 'user' | 'assistant' | 'tool';
  readonly text: string;
  readonly outcome: Outcome | null;
  readonly errorCode: string | null;
  readonly errorDetail: string | null;
  readonly files: readonly string[];
  readonly usage: {
    readonly totalTokens: number | null;
    readonly price: string | null;
    readonly currency: string | null;
    readonly seconds: number | null;
  } | null;
  readonly model: string | null;
  readonly rating: Rating | null;
  readonly isSuperseded: boolean;
  readonly createdAt: string;
}

export interface TranscriptPage {
  readonly data: { readonly session: Conversation; readonly messages: readonly Message[] };
  readonly nextAfter: number | null;
}

export interface AuditEntry {
  readonly id: number;
  readonly at: string;
  readonly adminEmail: string;
  readonly action: 'open' | 'search' | 'export' | 'history' | 'entries';
  readonly sessionId: string | null;
  readonly userId: number | null;
  readonly detail: string | null;
}

export interface AuditPageReply {
  readonly data: readonly AuditEntry[];
  readonly nextBefore: number | null;
}
