import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '..', '..');
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'chat-together-'));
  // Each of the first two ends only when the other one has begun.
  const meet = (own: string, other: string) => `touch ${own}; until test -e ${other}; do sleep 0.01; done`;
  const scripts = {
    one: `${meet('a', 'b')}; echo first`,
    two: `${meet('b', 'a')}; echo second`,
    wrong: 'echo problem >&2; exit 3',
  };
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ scripts }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function together(...names: readonly string[]) {
  const args = [
    '--import',
    path.join(root, 'node_modules/tsx/dist/loader.mjs'),
    path.join(root, 'scripts/together.ts'),
  ];
  return spawnSync(process.execPath, [...args, ...names], { cwd: folder, encoding: 'utf8', timeout: 30_000 });
}

it('together.ts runs scripts at the same time, and prints their output', () => {
  const { status, stdout } = together('one', 'two');
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^first$/mu)]);
  expect(stdout).toMatch(/^second$/mu);
});

it('together.ts fails if one of the scripts fails', () => {
  const { status, stdout } = together('one', 'wrong', 'two');
  expect([status, stdout]).toEqual([1, expect.stringContaining('problem')]);
});
