import { defaultChoice, type UpstreamChoice } from '../chat/model/character';
import type { PublishedCharacter } from '../chat/ports/published-characters';
import type { UpstreamProblem } from '../chat/ports/upstream';
import type { UpstreamIdentity, Upstreams } from '../chat/ports/upstreams';

/** An upstream, and the published characters that use it. */
export interface UpstreamUse extends UpstreamIdentity {
  readonly choice: UpstreamChoice;
  readonly isDefault: boolean;
  /** The length of their longest prompt. Undefined if no character uses it. */
  readonly promptChars: number | undefined;
  /** The names of the first ones. */
  readonly characters: readonly string[];
  readonly characterCount: number;
}

const maxNames = 5;

/** Groups published characters by upstream, key and model. The default upstream comes first, even without characters. */
export async function groupByUpstream(
  upstreams: Pick<Upstreams, 'identify'>,
  published: AsyncIterable<readonly PublishedCharacter[]>,
): Promise<readonly UpstreamUse[]> {
  const first = defaultUse(upstreams);
  const uses = new Map([[first.group, first]]);
  for await (const page of published) {
    for (const character of page) {
      const use = useOf(upstreams, character.upstream);
      uses.set(use.group, addCharacter(uses.get(use.group) ?? use, character));
    }
  }
  return [...uses.values()];
}

export function defaultUse(upstreams: Pick<Upstreams, 'identify'>): UpstreamUse {
  return { ...useOf(upstreams, defaultChoice), isDefault: true };
}

/** Returns the use of an upstream by no character. */
export function useOf(upstreams: Pick<Upstreams, 'identify'>, choice: UpstreamChoice): UpstreamUse {
  const none = { isDefault: false, promptChars: undefined, characters: [], characterCount: 0 };
  return { ...upstreams.identify(choice), ...none, choice };
}

function addCharacter(use: UpstreamUse, { name, promptChars }: PublishedCharacter): UpstreamUse {
  const characterCount = use.characterCount + 1;
  const characters = characterCount > maxNames ? use.characters : [...use.characters, name];
  return {
    ...use,
    promptChars: Math.max(use.promptChars ?? 0, promptChars),
    characters,
    characterCount,
  };
}

/** Names the characters of a use, e.g. `"Ada", "Tom" and 3 more`. Empty if there are none. */
export function describeCharacters({ characters, characterCount }: UpstreamUse): string {
  const names = characters.map((name) => JSON.stringify(name)).join(', ');
  const left = characterCount - characters.length;
  return left > 0 ? `${names} and ${left} more` : names;
}

/** @throws ChatError `upstream-…` if a request fails. */
export function findProblemOf(
  upstreams: Pick<Upstreams, 'findProblem'>,
  { choice, promptChars }: UpstreamUse,
): Promise<UpstreamProblem | null> {
  return upstreams.findProblem(choice, { promptChars });
}

/** Many upstreams are asked at the same time, so that a broken one delays few others. Its own timeouts end it. */
const checksAtOnce = 8;

/** Runs `check` for each use, for some at the same time. */
export async function checkEach(
  uses: readonly UpstreamUse[],
  check: (use: UpstreamUse) => Promise<void>,
): Promise<void> {
  const left = uses.values();
  const work = async () => {
    for (const use of left) await check(use);
  };
  await Promise.all(Array.from({ length: checksAtOnce }, work));
}
