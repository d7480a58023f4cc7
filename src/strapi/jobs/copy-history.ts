import type { Core } from '@strapi/strapi';

import { historyOf } from '../../app';

export interface RunningHistory {
  /** Settles when it does not use a database any more. */
  stop(): Promise<void>;
}

/** Starts copying finished turns to the history: those that end from now on in any process, and earlier ones. */
export function startHistory(strapi: Core.Strapi): RunningHistory {
  const { writer } = historyOf(strapi);
  writer?.start();
  return { stop: async () => writer?.stop() };
}
