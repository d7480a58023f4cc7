import { parseArgs } from 'node:util';

const usageOf = (calledAs: string): string => `Usage: ${calledAs} [options]

Checks the upstreams of the settings and of the published characters. It asks no model.

  --retry-login  logs in to the console of Dify although Dify has refused the login before
  --help         prints this text

The exit code is 0 if all is well, 1 if something is wrong, and 2 for unusable settings or a wrong command line.
`;

export interface Options {
  readonly retriesLogin: boolean;
}

/** A command line that the doctor does not run, with what to print and the exit code. */
export class NoRun extends Error {
  constructor(
    message: string,
    readonly exitCode: 0 | 2,
  ) {
    super(message);
  }
}

/**
 * @param calledAs the start of the command line, for the usage.
 * @throws NoRun
 */
export function parseOptions(args: readonly string[], calledAs: string): Options {
  const values = parse(args, calledAs);
  if (values.help === true) throw new NoRun(usageOf(calledAs), 0);
  return { retriesLogin: values['retry-login'] === true };
}

function parse(args: readonly string[], calledAs: string) {
  try {
    const options = { 'retry-login': { type: 'boolean' }, help: { type: 'boolean' } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new NoRun(`${error instanceof Error ? error.message : String(error)}\n\n${usageOf(calledAs)}`, 2);
  }
}
