import {
  defaultChoice,
  describeError,
  upstreamKinds,
  type ReadPublished,
  type UpstreamProblem,
  type Upstreams,
} from '../../src/chat';
import { explainFailure } from '../../src/upstream/explain';
import {
  checkEach,
  defaultUse,
  findProblemOf,
  groupByUpstream,
  useOf,
  type UpstreamUse,
} from '../../src/upstream/uses';

/** What the doctor has found. */
export interface Report {
  readonly upstreams: readonly ExaminedUpstream[];
  /** Why the characters could not be read; null if they were. */
  readonly databaseProblem: string | null;
}

export interface ExaminedUpstream {
  readonly use: UpstreamUse;
  /** What is wrong, and what to do; null if all is well. */
  readonly remedy: string | null;
}

type AskedUpstreams = Pick<Upstreams, 'identify' | 'findProblem'>;

/**
 * Asks the default upstream, and those that published characters choose. It runs no model. If the characters cannot be
 * read, it asks the upstreams of the settings.
 */
export async function examine(upstreams: AskedUpstreams, readPublished: ReadPublished): Promise<Report> {
  const { uses, databaseProblem } = await readUses(upstreams, readPublished);
  const remedies = new Map<UpstreamUse, string | null>();
  await checkEach(uses, async (use) => void remedies.set(use, await findRemedy(upstreams, use)));
  return { upstreams: uses.map((use) => ({ use, remedy: remedies.get(use) ?? null })), databaseProblem };
}

async function readUses(upstreams: AskedUpstreams, readPublished: ReadPublished) {
  try {
    return { uses: await groupByUpstream(upstreams, readPublished()), databaseProblem: null };
  } catch (error) {
    return { uses: usesOfSettings(upstreams), databaseProblem: describeError(error) };
  }
}

/** The default upstream, and every other one that the settings describe completely. */
function usesOfSettings(upstreams: AskedUpstreams): readonly UpstreamUse[] {
  const first = defaultUse(upstreams);
  const others = upstreamKinds
    .map((kind) => useOf(upstreams, { ...defaultChoice, kind }))
    .filter(({ kind, isComplete }) => kind !== first.kind && isComplete);
  return [first, ...others];
}

async function findRemedy(upstreams: AskedUpstreams, use: UpstreamUse): Promise<string | null> {
  try {
    const problem: UpstreamProblem | null = await findProblemOf(upstreams, use);
    return problem?.message ?? null;
  } catch (error) {
    return explainFailure(error, use.kind);
  }
}
