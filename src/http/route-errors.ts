import type { ChatErrorCode } from '../chat';

/** Groups of error codes, for the OpenAPI document. `chat/errors.ts` has the status of each. */
type Codes = readonly ChatErrorCode[];

/** Every route that needs a login. */
export const ofEachRoute: Codes = [
  ...(['invalid-request', 'unauthorized', 'login-ended', 'forbidden'] as const),
  ...(['database-unavailable', 'internal'] as const),
];
/** Every route that takes personal tokens with the right scope. */
export const ofTokenRoutes: Codes = ['token-scope'];
/** Every other route that needs a login. */
export const ofTokenlessRoutes: Codes = ['token-not-allowed'];
/** Every route that needs no login. */
export const ofPublicRoutes: Codes = ['internal'];
/** Every route that can get a body. */
export const ofBodies: Codes = ['payload-too-large', 'unsupported-media-type'];
/** Every route that reads many rows. */
export const ofReads: Codes = ['too-many-reads', 'read-timeout', 'server-stopping'];

/** A route that changes something. */
export const writing: Codes = ['rate-limited', 'text-limit-reached'];

/** A route that calls the upstream, besides asking it. */
export const calling: Codes = [
  ...(['upstream-rejected', 'upstream-misconfigured', 'upstream-model-unavailable'] as const),
  ...(['upstream-failed', 'upstream-unreachable', 'upstream-malformed', 'upstream-interrupted'] as const),
  ...(['upstream-conversation-gone', 'upstream-busy', 'upstream-quota-exceeded'] as const),
  ...(['upstream-timeout', 'server-stopping'] as const),
];

/** A route that asks a question: refusals before the answer. */
export const asking: Codes = [
  ...(['character-not-found', 'character-without-prompt', 'session-not-found'] as const),
  ...(['turn-in-progress', 'idempotency-key-reused', 'turn-not-found'] as const),
  ...(['too-many-turns', 'rate-limited', 'token-limit-reached', 'text-limit-reached'] as const),
  ...(['server-busy', 'server-stopping', 'upstream-misconfigured', 'upstream-busy'] as const),
];

/** A route that asks a question and replies with the status of a failed answer. */
export const answering: Codes = [...asking, ...calling, 'answer-too-long', 'process-died'];
