import path from 'node:path';

export interface Instruction {
  readonly name: string;
  readonly args: string;
}

export interface Stage {
  /** Undefined for the last stage. */
  readonly name: string | undefined;
  readonly instructions: readonly Instruction[];
}

/** Returns the stages of a Dockerfile, without comments. A line that ends with a backslash goes on in the next one. */
export function parseDockerfile(text: string): Stage[] {
  const instructions = text
    .replace(/^#.*\n/gmu, '')
    .replace(/\\\n\s*/gu, '')
    .split('\n')
    .flatMap((line): Instruction[] => {
      const [, name, args] = /^([A-Z]+) (.+)$/u.exec(line) ?? [];
      return name === undefined || args === undefined ? [] : [{ name, args }];
    });
  const stages: { name: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructions) {
    if (instruction.name !== 'FROM') stages.at(-1)?.instructions.push(instruction);
    else stages.push({ name: / AS (\S+)$/u.exec(instruction.args)?.[1], instructions: [] });
  }
  return stages;
}

export interface Copy {
  /** The stage to copy from. Undefined for the folder of the project. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export function parseCopy(args: string): Copy {
  const words = args.split(' ');
  const [from] = words.flatMap((word) => /^--from=(.+)$/u.exec(word)?.[1] ?? []);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

/** Returns whether `.dockerignore` leaves out a path. The last line that matches it or a folder of it decides. */
export function createIgnore(text: string): (file: string) => boolean {
  const rules = text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ isKept: line.startsWith('!'), pattern: toPattern(line.replace(/^!/u, '')) }));
  return (file) => {
    const names = file.split(path.sep);
    const paths = names.map((_, index) => names.slice(0, index + 1).join('/'));
    const rule = rules.filter(({ pattern }) => paths.some((one) => pattern.test(one))).at(-1);
    return rule !== undefined && !rule.isKept;
  };
}

function toPattern(line: string): RegExp {
  return new RegExp(`^${line.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`, 'u');
}
