import { describeCharacters, type UpstreamUse } from '../../src/upstream/uses';
import type { Report } from './examine';

/** Returns one line for each upstream, and then what to do. */
export function toLines({ upstreams, databaseProblem }: Report): readonly string[] {
  const width = Math.max(...upstreams.map(({ use }) => use.name.length));
  const states = upstreams.map(({ use, remedy }) =>
    [remedy === null ? 'ok   ' : 'wrong', use.name.padEnd(width), describeUse(use)].join('  ').trimEnd(),
  );
  const remedies = upstreams.flatMap(({ use, remedy }) =>
    remedy === null ? [] : ['', `${use.name}: ${remedy}`],
  );
  return [...states, ...remedies, ...toDatabaseLines(databaseProblem)];
}

export function isHealthy({ upstreams, databaseProblem }: Report): boolean {
  return databaseProblem === null && upstreams.every(({ remedy }) => remedy === null);
}

function describeUse(use: UpstreamUse): string {
  const characters = describeCharacters(use);
  return [
    ...(use.isDefault ? ['the default'] : []),
    ...(characters === '' ? [] : [`for ${characters}`]),
  ].join(', ');
}

function toDatabaseLines(problem: string | null): readonly string[] {
  if (problem === null) return [];
  return [
    '',
    `The database cannot be read (${problem}), so the characters were not checked. ` +
      'Check DATABASE_… and start the server once, which creates the tables.',
  ];
}
