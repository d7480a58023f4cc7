import type { Core } from '@strapi/strapi';

import { chatOf } from '../../app';

export interface RunningHistory {
  /** Settles when nothing of it touches a database any more. */
  stop(): Promise<void>;
}

/** Copies finished turns to the history from now on: those that end here and elsewhere, and those of before. */
export function startHistory(strapi: Core.Strapi): RunningHistory {
  const { history } = chatOf(strapi);
  history?.start();
  return { stop: async () => history?.stop() };
}
