import type { Usage } from '../../model/outcome';
import type { TriedPrompt, TrialOutcome } from './trial-store';

/** The answer of one side to one question. */
export interface ComparedAnswer {
  /** The beginning of the answer. */
  readonly answer: string;
  /** Whether the answer was longer. */
  readonly isCut: boolean;
  readonly outcome: TrialOutcome;
  readonly error: string | null;
  readonly usage: Usage | null;
  readonly ms: number;
}

export interface ComparedQuestion {
  readonly question: string;
  readonly one: ComparedAnswer;
  readonly other: ComparedAnswer;
}

export interface NewComparison {
  readonly id: string;
  /** The row of the administrator who asked for it. */
  readonly adminId: number;
  readonly characterId: string;
  readonly one: TriedPrompt;
  readonly other: TriedPrompt;
  readonly questions: number;
}

/** `interrupted`: the server stopped before the last question. */
export type ComparisonState = 'running' | 'completed' | 'interrupted';

export interface SavedComparison extends NewComparison {
  readonly state: ComparisonState;
  readonly startedAt: Date;
  /** In the order of the questions. */
  readonly answers: readonly ComparedQuestion[];
}

/** Comparisons of two prompts. A process that dies leaves one running: after a few minutes it counts as interrupted. */
export interface ComparisonStore {
  /** Returns false if a comparison of this administrator runs, in any process. */
  begin(comparison: NewComparison): Promise<boolean>;
  /** Saves the answers so far, and that the process is alive. */
  save(id: string, answers: readonly ComparedQuestion[], state: ComparisonState): Promise<void>;
  /** Returns null for an unknown comparison, for one of another administrator, and for an outdated one. */
  find(adminId: number, id: string): Promise<SavedComparison | null>;
}
