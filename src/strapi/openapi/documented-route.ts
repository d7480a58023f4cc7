import type { ChatErrorCode } from '../../chat';
import type { Operation } from '../../http/operation';

/** A route that the document describes. */
export interface DocumentedRoute {
  /** In lower case. */
  readonly method: string;
  /** As the document writes it, e.g. `/chat/sessions/{session_id}`. */
  readonly path: string;
  readonly tag: string;
  readonly isPublic: boolean;
  readonly operation: Operation;
  readonly codes: readonly ChatErrorCode[];
  /** The component of a body that Strapi's generator does not know. */
  readonly body?: string;
}
