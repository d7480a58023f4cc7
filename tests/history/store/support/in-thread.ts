import path from 'node:path';

import type * as source from '../../../../src/history/store/thread/in-thread';

/** The compiled file, because a worker thread has no TypeScript loader. `npm test` compiles it first. */
const compiled = path.resolve(__dirname, '../../../../dist/src/history/store/thread/in-thread.js');

export const { openBeside, openInThread } =
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the source has its types
  require(compiled) as typeof source;
