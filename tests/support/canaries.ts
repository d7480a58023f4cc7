import { randomBytes } from 'node:crypto';

/**
 * Text that must not come out: every key, token, prompt and upstream error text of the suite holds one of these, every
 * reply and all output of the application is searched for them.
 */
export const canaries = {
  /** In Dify's key. Nowhere, ever. */
  key: `key-canary-${randomBytes(8).toString('hex')}`,
  /** In what Dify says when it refuses or fails. Nowhere, ever. */
  upstream: `upstream-canary-${randomBytes(8).toString('hex')}`,
  /** In prompts of characters. In replies where the contract shows them, never in the log. */
  prompt: `prompt-canary-${randomBytes(8).toString('hex')}`,
  /** In prompts of drafts nobody has published. Nowhere outside the admin panel. */
  draft: `draft-canary-${randomBytes(8).toString('hex')}`,
  /** In questions. In replies to the one who asked, never in the log. */
  query: `query-canary-${randomBytes(8).toString('hex')}`,
} as const;

const neverInReplies = [canaries.key, canaries.upstream, canaries.draft];
const neverInLogs = Object.values(canaries);
/** Access and refresh tokens of users and admins alike: a header, then claims, each JSON in base64. */
const anyJwt = /eyJ[\w-]+\.eyJ[\w-]+/u;

export function assertCleanReply(text: string, where: string): void {
  assertNone(text, neverInReplies, where);
}

/** @param secrets further texts, e.g. passwords. Tokens are found whoever they were issued to. */
export function assertCleanLog(text: string, secrets: readonly string[]): void {
  const tokens = anyJwt.exec(text) ?? [];
  assertNone(text, [...neverInLogs, ...secrets, ...tokens], 'the output of the application');
}

function assertNone(text: string, forbidden: readonly string[], where: string): void {
  const found = forbidden.find((canary) => text.includes(canary));
  if (found === undefined) return;
  const index = text.indexOf(found);
  throw new Error(
    `${found.slice(0, 14)}… is in ${where}: …${text.slice(Math.max(0, index - 200), index + 20)}…`,
  );
}
