import type { Profile } from '../index';
import { differences } from './differences';
import { readCaptures } from './read';
import { replay } from './replay';
import { shapeOf, type Answered } from './shape';

const versions: readonly (readonly [string, Profile])[] = [
  ['0.15.3', '0.15'],
  ['1.12.1', '1.x'],
];
const files = ['chat', 'agent-chat', 'advanced-chat', 'errors', 'console', 'files', 'moderation'];

const captures = versions.flatMap(([version, profile]) =>
  files.map((file) => ({ version, profile, file, exchanges: readCaptures(version, file) })),
);

describe.each(captures)('the emulator as Dify $version, $file', ({ version, profile, file, exchanges }) => {
  let answered: ReadonlyMap<string, Answered>;
  beforeAll(async () => {
    answered = await replay(profile, file, exchanges);
  });

  it.each(exchanges)('replies to $name as recorded', (exchange) => {
    const { name } = exchange;
    const expected = withDifferences(shapeOf(exchange), `${version}/${file}/${name}`);
    expect(shapeOf(answered.get(name) as Answered)).toBe(expected);
  });
});

describe('differences', () => {
  const places = captures.flatMap(({ version, file, exchanges }) =>
    exchanges.map(({ name }) => `${version}/${file}/${name}`),
  );

  it.each(differences)('names a recording: $reason', (difference) => {
    expect(places.filter((place) => difference.in.test(place))).not.toEqual([]);
  });
});

/** Applies the listed differences of one recording. Each of them must change it. */
function withDifferences(recorded: string, place: string): string {
  let text = recorded;
  for (const difference of differences.filter((listed) => listed.in.test(place))) {
    const changed = text.replaceAll(difference.recorded, difference.emulated);
    if (changed === text) throw new Error(`${place} does not contain ${String(difference.recorded)}`);
    text = changed;
  }
  return text;
}
