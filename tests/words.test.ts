import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const root = path.resolve(__dirname, '..');

/**
 * Words that make the text of this project hard to read, each with what to write instead. See "Plain English" in
 * CONTRIBUTING.md.
 */
const avoided: readonly (readonly [word: RegExp, instead: string])[] = [
  [/\bwhoever\b/iu, 'the client, the caller, anyone'],
  [/\blest\b/iu, 'so that … not'],
  [/\bmend(s|ed|ing)?\b/iu, 'fix'],
  [/\bbit by bit\b/iu, 'step by step'],
  [/\bfor ever\b/iu, 'forever, without a limit'],
  [/\bas ever\b/iu, 'as before'],
  [/\bnobody's\b/iu, 'an unknown'],
  [/\bof ours\b(?!\/)/iu, 'our, the server’s'],
  [/\bat once\b/iu, 'immediately, or together'],
];

/** Real uses: a file, and a part of the line. */
const allowed: readonly (readonly [file: string, part: string])[] = [
  ['tests/words.test.ts', ''],
  // Labels of the published benchmark.
  ['bench/measures/streams.ts', 'turns at once'],
  ['bench/report/goals.ts', 'turns at once'],
  ['docs/benchmarks/README.md', 'turns at once'],
];

const files = execFileSync(
  'git',
  ['ls-files', 'src', 'clients', 'docs', 'tests', 'config', 'scripts', 'bench', '*.md', '.env.example'],
  {
    cwd: root,
    encoding: 'utf8',
  },
)
  .split('\n')
  .filter((file) => /(\.ts|\.md|\.mjs|\.example)$/u.test(file));

const lines = files.flatMap((file) =>
  readFileSync(path.join(root, file), 'utf8')
    .split('\n')
    .map((line, index) => ({ file, line, where: `${file}:${index + 1}: ${line.trim()}` })),
);

describe('the text of the project', () => {
  it.each(avoided)('does not use %s (write: %s)', (word) => {
    const uses = lines
      .filter(({ line }) => word.test(line))
      .filter(({ file, line }) => !allowed.some(([name, part]) => name === file && line.includes(part)));
    expect(uses.map(({ where }) => where)).toEqual([]);
  });
});
