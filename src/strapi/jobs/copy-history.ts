import type { Core } from '@strapi/strapi';

import { historyOf } from '../../app';

export interface RunningHistory {
  /** Settles when nothing of it touches a database any more. */
  stop(): Promise<void>;
}

/** Copies finished turns to the history from now on: those that end here and elsewhere, and those of before. */
export function startHistory(strapi: Core.Strapi): RunningHistory {
  const { writer } = historyOf(strapi);
  writer?.start();
  return { stop: async () => writer?.stop() };
}
