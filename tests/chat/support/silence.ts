import { inspect } from 'node:util';

import { ChatError } from '../../../src/chat/errors';
import { describeError } from '../../../src/chat/shared/log';

/** Expects that no text of an error that may be logged or sent contains one of `secrets`. */
export function expectSilence(error: unknown, secrets: readonly string[]): void {
  expect(error).toBeInstanceOf(ChatError);
  const said = [
    String(error),
    JSON.stringify(error),
    describeError(error),
    inspect(error, { depth: 9 }),
  ].join();
  for (const secret of secrets) expect(said).not.toContain(secret);
}
