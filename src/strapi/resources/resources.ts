import type { Core } from '@strapi/strapi';

import {
  checkDescriptors,
  createDiskCheck,
  createFileCheck,
  createWriteCheck,
  type Check,
  type ResourceProblem,
} from './checks';
import { startResourceWatch, type ResourceWatch } from './watch';

const watches = new WeakMap<Core.Strapi, ResourceWatch>();

/** Starts to watch what this process needs to save a turn: file descriptors, the file of the database, its disk. */
export async function startWatchingResources(strapi: Core.Strapi): Promise<ResourceWatch> {
  const checks = [checkDescriptors, ...(await checksOfFile(strapi)), writeCheckOf(strapi)];
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

function writeCheckOf(strapi: Core.Strapi): Check {
  const store = strapi.store({ type: 'core', name: 'character-chat' });
  const { failed, check } = createWriteCheck(() => store.set({ key: 'disk-was-full', value: new Date() }));
  strapi.db.connection.on('query-error', failed);
  return check;
}
