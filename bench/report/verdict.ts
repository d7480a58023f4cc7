import type { Series } from '../measures/series';
import { compareRounds, spreadOf, type Spread } from '../support/statistics';
import { direct } from '../targets/target';
import type { Goal } from './goals';

/** `late`: the events did not arrive in time, so the figure of their cost is not valid. */
export type Verdict = 'aim' | 'must' | 'missed' | 'late' | 'not measured';

export interface Judged {
  readonly goal: Goal;
  readonly spread: Spread | null;
  /** One value for each round. */
  readonly values: readonly number[];
  readonly verdict: Verdict;
}

/** 99.9 % of the events must arrive at most this much later than with `direct`. */
const punctualMs = 50;

export function judge(goal: Goal, series: readonly Series[]): Judged {
  const roundsOf = (id: string) => series.find((one) => one.id === id)?.rounds ?? [];
  const { target, against, operation } = goal;
  const values = compareRounds(roundsOf(goal.series), { target, against, operation });
  const spread = spreadOf(values);
  if (spread === null) return { goal, spread, values, verdict: 'not measured' };
  const late =
    goal.punctual === undefined
      ? null
      : spreadOf(
          compareRounds(roundsOf(goal.punctual), { target, against: direct, operation: 'difference' }),
        );
  return {
    goal,
    spread,
    values,
    verdict: late !== null && late.median > punctualMs ? 'late' : grade(goal, spread),
  };
}

function grade({ must, aim }: Goal, { median }: Spread): Verdict {
  if (median <= aim) return 'aim';
  return median <= must ? 'must' : 'missed';
}
