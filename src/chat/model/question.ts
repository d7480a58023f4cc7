import type { QuestionFile } from './file';
import type { Owner } from './owner';
import type { SessionReference } from './session';

/** Identifies a repeated send: the client's key, and a digest of the question. */
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
  readonly files?: readonly QuestionFile[];
  /** The session to continue. If it is empty, the server starts a new session. */
  readonly session: SessionReference;
  /** Values for the variables of the Dify app. They replace those of the character, but not the prompt. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** The `message_id` of an earlier question that this one repeats. */
  readonly regenerates?: string;
  /** The `Message.id` of the question that this one replaces. That one and all lines after it become superseded. */
  readonly supersedes?: number;
  /** The `Message.id` of the question that this one repeats. An upstream with branches supersedes from that one on. */
  readonly branchesAt?: number;
}
