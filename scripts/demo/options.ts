import { parseArgs } from 'node:util';

import { DemoError } from './screen';

export const usage = `Usage: npm run demo -- [options]

Builds the application, starts it on a database of its own, and asks a character a question.

  --once             end after that question
  --folder <path>    where database, log and passwords are kept, default .tmp
`;

export interface Options {
  readonly once: boolean;
  readonly folder: string;
}

/** @returns null when the user asks for the usage. */
export function parseOptions(): Options | null {
  try {
    const { values } = parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        folder: { type: 'string', default: '.tmp' },
        help: { type: 'boolean', default: false },
      },
    });
    return values.help ? null : { once: values.once, folder: values.folder };
  } catch (error) {
    throw new DemoError(`${(error as Error).message}\n\n${usage.trimEnd()}`);
  }
}
