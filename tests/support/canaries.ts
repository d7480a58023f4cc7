import { randomBytes } from 'node:crypto';

/**
 * Texts that must not leak. The tests put them into keys, prompts, questions and upstream error texts. They then search
 * every reply and all output of the application for them.
 */
export const canaries = {
  /** Part of Dify's key. It must never appear in a reply or in the log. */
  key: `key-canary-${randomBytes(8).toString('hex')}`,
  /** An API key of a character. It must never appear in a reply or in the log. */
  characterKey: `sk-canary-${randomBytes(8).toString('hex')}`,
  /** Part of Dify's error texts. It must never appear in a reply or in the log. */
  upstream: `upstream-canary-${randomBytes(8).toString('hex')}`,
  /** Part of prompts. Replies may contain it where the contract says so, the log never. */
  prompt: `prompt-canary-${randomBytes(8).toString('hex')}`,
  /** Part of prompts of unpublished drafts. Only the admin panel may show it. */
  draft: `draft-canary-${randomBytes(8).toString('hex')}`,
  /** Part of questions. Replies to the user who asked may contain it, the log never. */
  query: `query-canary-${randomBytes(8).toString('hex')}`,
} as const;

/** Not even administrators see these. */
const keys = [canaries.key, canaries.characterKey];
const neverInReplies = [...keys, canaries.upstream, canaries.draft];
const neverInLogs = Object.values(canaries);
/** Matches access and refresh tokens of users and admins: a header and claims, each JSON in base64url. */
const anyJwt = /eyJ[\w-]+\.eyJ[\w-]+/u;

export function assertCleanReply(text: string, where: string): void {
  assertNone(text, neverInReplies, where);
}

/** Checks a text that may contain drafts, e.g. a reply to an administrator, or an export. */
export function assertNoKeys(text: string, where: string): void {
  assertNone(text, keys, where);
}

/** @param secrets further texts, e.g. passwords. The check finds tokens of every user without them. */
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
