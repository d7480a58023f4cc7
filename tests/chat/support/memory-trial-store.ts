import type { ComparisonStore, SavedComparison } from '../../../src/chat/ports/trials/comparison-store';
import type { FinishedTrial, TrialStore } from '../../../src/chat/ports/trials/trial-store';

/** Keeps trials in memory, the oldest first. */
export function createMemoryTrialStore(): TrialStore & { readonly saved: readonly FinishedTrial[] } {
  let saved: FinishedTrial[] = [];
  const newestFirst = (thread: string) => saved.filter((trial) => trial.thread === thread).reverse();
  return {
    get saved() {
      return saved;
    },
    save: async (trial) => void saved.push(trial),
    async findPlace(thread) {
      const [newest] = newestFirst(thread);
      if (newest === undefined) return null;
      const { upstreamId, conversationId, messageId } = newest;
      return { upstreamId, conversationId, messageId };
    },
    async *readEarlier(thread) {
      for (const { query, answer } of newestFirst(thread))
        if (answer !== '') yield { question: query, answer };
    },
    async endThread(thread) {
      const ended = newestFirst(thread).flatMap(({ conversationId, upstreamId }) =>
        conversationId === null ? [] : { conversationId, upstreamId },
      );
      saved = saved.map((trial) => (trial.thread === thread ? { ...trial, thread: null } : trial));
      return ended;
    },
    endIdle: async () => [],
  };
}

/** Keeps comparisons in memory. */
export function createMemoryComparisonStore(): ComparisonStore {
  const saved = new Map<string, SavedComparison>();
  return {
    async begin(comparison) {
      const runs = [...saved.values()].some(
        ({ adminId, state }) => adminId === comparison.adminId && state === 'running',
      );
      if (runs) return false;
      saved.set(comparison.id, { ...comparison, state: 'running', startedAt: new Date(), answers: [] });
      return true;
    },
    async save(id, answers, state) {
      const known = saved.get(id);
      if (known !== undefined) saved.set(id, { ...known, answers: [...answers], state });
    },
    async find(adminId, id) {
      const known = saved.get(id);
      return known?.adminId === adminId ? known : null;
    },
  };
}
