import type { Core } from '@strapi/strapi';

import { isDatabaseFull } from '../../database/sql/errors';
import {
  checkDescriptors,
  createDiskCheck,
  createFileCheck,
  type Check,
  type ResourceProblem,
} from './checks';
import { startResourceWatch, type ResourceWatch } from './watch';

const watches = new WeakMap<Core.Strapi, ResourceWatch>();

/** Starts to watch what this process needs to save a turn: file descriptors, the file of the database, its disk. */
export async function startWatchingResources(strapi: Core.Strapi): Promise<ResourceWatch> {
  const checks = [checkDescriptors, ...(await checksOfFile(strapi)), createWriteCheck(strapi)];
  const watch = startResourceWatch({ checks, log: strapi.log });
  watches.set(strapi, watch);
  return watch;
}

/** Returns what this process lacks; null if it lacks nothing. */
export function resourceProblemOf(strapi: Core.Strapi): ResourceProblem | null {
  return watches.get(strapi)?.problem() ?? null;
}

async function checksOfFile(strapi: Core.Strapi): Promise<readonly Check[]> {
  if (strapi.db.dialect.client !== 'sqlite') return [];
  const filename = strapi.config.get<string>('database.connection.connection.filename');
  return [await createFileCheck(filename), createDiskCheck(filename)];
}

/**
 * Creates a check that begins when a statement fails because the database has no space. From then on, it writes one row
 * each time, until that works. A disk with space can be full for the database: a quota, or the disk of PostgreSQL.
 */
function createWriteCheck(strapi: Core.Strapi): Check {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  let isFull = false;
  strapi.db.connection.on('query-error', (error: unknown) => {
    if (isDatabaseFull(error)) isFull = true;
  });
  return async () => {
    if (!isFull) return null;
    try {
      await store.set({ key: 'disk-was-full', value: new Date() });
      isFull = false;
    } catch (error) {
      isFull = isDatabaseFull(error);
    }
    return isFull ? 'disk-full' : null;
  };
}
