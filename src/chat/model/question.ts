import type { Owner } from './owner';
import type { SessionReference } from './session';

/** What makes a send recognisable when it comes again: the client's key for it, and what it asked. */
export interface Idempotency {
  readonly key: string;
  readonly fingerprint: string;
}

/** One question of a user to a character. */
export interface Question {
  readonly owner: Owner;
  /** The character's documentId or its `id`. */
  readonly characterId: string;
  readonly query: string;
  /** The session to continue; empty to begin one. */
  readonly session: SessionReference;
  /** For the app's own variables. The prompt is set by us, whatever stands here. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The `message_id` of an earlier question that is asked again. */
  readonly regenerates?: string;
  /** The `Message.id` of the question in whose place it is asked: what was said from there on counts as superseded. */
  readonly supersedes?: number;
}
