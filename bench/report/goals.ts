import type { Operation } from '../support/statistics';
import type { DatabaseKind } from '../support/database-kind';

/** The upper bound of a figure of this application, compared with a peer in the same rounds. */
export interface Goal {
  readonly label: string;
  readonly series: string;
  readonly target: string;
  readonly against?: string;
  readonly operation: Operation;
  readonly must: number;
  readonly aim: number;
  readonly unit?: string;
  /** The series of delays that must be close to `direct`. A figure for events only counts while they arrive in time. */
  readonly punctual?: string;
}

interface GoalOfKind extends Omit<Goal, 'target' | 'against'> {
  /** Appended to the name of the target. */
  readonly at?: string;
  readonly against?: (kind: DatabaseKind) => string;
}

const stock = (kind: DatabaseKind) => `stock/${kind}`;
const ratio = { operation: 'ratio' } as const;

const goals: readonly GoalOfKind[] = [
  ...[
    { against: () => 'nginx', name: 'nginx', must: 3.5, aim: 2.6 },
    { against: () => 'pipe', name: 'bare Node pipe', must: 1.3, aim: 1 },
    { against: stock, name: 'stock Strapi', must: 0.5, aim: 0.5 },
  ].map(({ name, ...goal }) => ({
    ...goal,
    ...ratio,
    label: `CPU of a paced event / ${name}`,
    series: 'paced-cpu',
    punctual: 'paced-late',
  })),
  {
    ...ratio,
    label: 'CPU of an event in bursts / bare Node pipe',
    series: 'burst-cpu',
    against: () => 'pipe',
    must: 2,
    aim: 1.2,
    punctual: 'burst-late',
  },
  {
    ...ratio,
    label: 'CPU of a turn / stock Strapi',
    series: 'turn-cpu',
    against: stock,
    must: 0.25,
    aim: 0.125,
  },
  ...[
    { series: 'first-p50', share: 'p50', must: 4, aim: 2.5 },
    { series: 'first-p99', share: 'p99', must: 12, aim: 6 },
  ].map(({ share, ...goal }) => ({
    ...goal,
    operation: 'difference' as const,
    label: `First event after direct, ${share}`,
    against: () => 'direct',
    unit: 'ms',
  })),
  {
    ...ratio,
    label: 'First event of turns at once, p50 / stock Strapi',
    series: 'rush-p50',
    against: stock,
    must: 0.25,
    aim: 0.125,
  },
  { operation: 'value', label: 'Memory of a running turn', series: 'memory', must: 80, aim: 45, unit: 'KB' },
  {
    ...ratio,
    label: 'my-list, large / stock find',
    series: 'list',
    at: '@large',
    against: (kind) => `${stock(kind)}@large`,
    must: 0.3,
    aim: 0.1,
  },
  {
    ...ratio,
    label: 'my-list, rows in all: large / small',
    series: 'list',
    at: '@large',
    against: (kind) => `ours/${kind}@small`,
    must: 1.5,
    aim: 1.1,
  },
  {
    ...ratio,
    label: 'my-list, rows in all: huge / small',
    series: 'list',
    at: '@huge',
    against: (kind) => `ours/${kind}@small`,
    must: 2,
    aim: 1.2,
  },
  {
    ...ratio,
    label: 'my-list, page 500 by cursor / page 1',
    series: 'list',
    at: '@large page 500',
    against: (kind) => `ours/${kind}@large`,
    must: 1.2,
    aim: 1.05,
  },
  {
    ...ratio,
    label: 'Start / vanilla Strapi',
    series: 'start-time',
    against: (kind) => `vanilla/${kind}`,
    must: 1.2,
    aim: 1.05,
  },
  {
    operation: 'difference',
    label: 'Memory after the start, beyond vanilla Strapi',
    series: 'start-memory',
    against: (kind) => `vanilla/${kind}`,
    must: 30,
    aim: 10,
    unit: 'MB',
  },
];

const before = (kind: DatabaseKind) => `before/${kind}`;

/** How much more than another revision the present one may cost. */
const goalsAgainst: readonly GoalOfKind[] = [
  { label: 'CPU of a paced event / before', series: 'paced-cpu', must: 1.1, aim: 1 },
  { label: 'CPU of an event in bursts / before', series: 'burst-cpu', must: 1.1, aim: 1 },
  { label: 'CPU of a turn / before', series: 'turn-cpu', must: 1.1, aim: 1 },
  { label: 'First event, p50 / before', series: 'first-p50', must: 1.1, aim: 1 },
  { label: 'First event, p99 / before', series: 'first-p99', must: 1.25, aim: 1 },
].map((goal) => ({ ...goal, ...ratio, against: before }));

/** @param isAgainst whether the run compares with another revision. */
export function goalsFor(kinds: readonly DatabaseKind[], isAgainst = false): Goal[] {
  const memory = goals.filter(({ series }) => series === 'memory').map((goal) => ({ ...goal, must: 70 }));
  return (isAgainst ? [...goalsAgainst, ...memory] : goals).flatMap(({ at = '', against, ...goal }) =>
    kinds.map((kind) => ({
      ...goal,
      label: `${goal.label} (${kind})`,
      target: `ours/${kind}${at}`,
      ...(against !== undefined && { against: against(kind) }),
    })),
  );
}
