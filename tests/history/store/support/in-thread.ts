import path from 'node:path';

import type * as source from '../../../../src/history/store/thread/in-thread';

/** As it is compiled (`npm test` does it first), because a thread has no loader for TypeScript. */
const compiled = path.resolve(__dirname, '../../../../dist/src/history/store/thread/in-thread.js');

export const { openBeside, openInThread } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- its types are those of the source
  require(compiled) as typeof source;
