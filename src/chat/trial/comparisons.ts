import { randomUUID } from 'node:crypto';

import type { AnsweringCharacter } from '../model/character';
import type {
  ComparedAnswer,
  ComparedQuestion,
  ComparisonStore,
  SavedComparison,
} from '../ports/trials/comparison-store';
import type { TriedPrompt } from '../ports/trials/trial-store';
import { describeError, type Log } from '../shared/log';
import type { Trials } from './trials';
import { askForWhole } from './whole-answer';

/** One prompt to compare. */
export interface ComparedPrompt {
  readonly character: AnsweringCharacter;
  readonly tried: TriedPrompt;
}

export interface ComparisonRequest {
  readonly adminId: number;
  readonly one: ComparedPrompt;
  readonly other: ComparedPrompt;
  readonly questions: readonly string[];
}

/** Asks two prompts the same questions, in the background. Each question begins a conversation of its own. */
export interface Comparisons {
  /** Returns the id of the comparison; null if one of the administrator runs already. */
  start(request: ComparisonRequest): Promise<string | null>;
  /** Returns null for an unknown comparison, for one of another administrator, and for an outdated one. */
  find(adminId: number, id: string): Promise<SavedComparison | null>;
  /** Stops all answers. Settles when those so far are saved. */
  stop(): Promise<void>;
}

export interface ComparisonOptions {
  readonly trials: Pick<Trials, 'ask'>;
  readonly store: ComparisonStore;
  readonly log: Pick<Log, 'warn'>;
  /** Longer answers are stopped. The default is two minutes. */
  readonly maxAnswerMs?: number;
}

const defaultMaxAnswerMs = 120_000;
/** Longer answers are cut in the result. The history of trials has them whole. */
const maxShownChars = 4_000;

export function createComparisons(options: ComparisonOptions): Comparisons {
  const { store, log } = options;
  const stopping = new AbortController();
  const running = new Set<Promise<void>>();
  return {
    async start(request) {
      const { adminId, one, other, questions } = request;
      const id = randomUUID();
      const isBegun = await store.begin({
        id,
        adminId,
        characterId: one.character.documentId,
        one: one.tried,
        other: other.tried,
        questions: questions.length,
      });
      if (!isBegun) return null;
      const job = run(options, id, request, stopping.signal)
        .catch((error: unknown) => log.warn(`A comparison could not be saved: ${describeError(error)}`))
        .finally(() => running.delete(job));
      running.add(job);
      return id;
    },
    find: (adminId, id) => store.find(adminId, id),
    async stop() {
      stopping.abort();
      await Promise.all(running);
    },
  };
}

async function run(
  { trials, store, maxAnswerMs = defaultMaxAnswerMs }: ComparisonOptions,
  id: string,
  { adminId, one, other, questions }: ComparisonRequest,
  stopping: AbortSignal,
): Promise<void> {
  const answers: ComparedQuestion[] = [];
  const ask = async (prompt: ComparedPrompt, query: string) => {
    const leave = AbortSignal.any([stopping, AbortSignal.timeout(maxAnswerMs)]);
    return toCompared(await askForWhole(trials, { ...prompt, thread: null, adminId, query }, leave));
  };
  for (const question of questions) {
    const [first, second] = await Promise.all([ask(one, question), ask(other, question)]);
    answers.push({ question, one: first, other: second });
    if (stopping.aborted) break;
    if (answers.length < questions.length) await store.save(id, answers, 'running');
  }
  await store.save(id, answers, answers.length === questions.length ? 'completed' : 'interrupted');
}

function toCompared({
  answer,
  errorDetail,
  error,
  ...rest
}: Awaited<ReturnType<typeof askForWhole>>): ComparedAnswer {
  return {
    ...rest,
    answer: answer.slice(0, maxShownChars),
    isCut: answer.length > maxShownChars,
    error: error === null ? null : [error, errorDetail].filter(Boolean).join(' '),
  };
}
