import type { Upstream } from '../../../src/chat/ports/upstream';
import type { UpstreamKeys } from '../../../src/chat/ports/upstreams/keys';
import type { Upstreams } from '../../../src/chat/ports/upstreams';

/** Keeps keys in memory: those of apps that have answered, and those of published characters by character and app. */
export function createMemoryKeys(): UpstreamKeys & {
  readonly saved: Map<string, string>;
  readonly published: Map<string, string>;
} {
  const saved = new Map<string, string>();
  const published = new Map<string, string>();
  return {
    saved,
    published,
    save: async (upstreamId, sealedKey) => void saved.set(upstreamId, sealedKey),
    find: async (upstreamId) => saved.get(upstreamId) ?? null,
    findPublished: async ({ characterId, appId }) => published.get(`${characterId}/${appId}`) ?? null,
  };
}

const unexpected = () => Promise.reject(new Error('Unexpected call.'));

/** Fails every request. Tests replace what they need. */
export const silentUpstream: Upstream = {
  savesAnswers: true,
  keepsConversations: true,
  hasBranches: false,
  ask: unexpected,
  waiting: () => 0,
  findProblem: unexpected,
  stop: unexpected,
  findLostAnswer: unexpected,
  rate: unexpected,
  suggestQuestions: unexpected,
  deleteConversation: unexpected,
};

/** Lets one upstream answer for all characters. */
export function oneUpstream(upstream: Upstream, id = 'dify'): Upstreams {
  return {
    choose: async () => ({ id, upstream, model: null }),
    find: async () => upstream,
    waiting: () => upstream.waiting(),
    identify: () => ({ kind: 'dify', name: id, group: id, isComplete: true }),
    findGap: () => null,
    promptLimitOf: () => upstream.promptLimit ?? null,
    findProblem: (_choice, needs) => upstream.findProblem(needs),
  };
}
