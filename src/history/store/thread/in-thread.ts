import path from 'node:path';

import type { HistoryProblemCode } from '../../model/problem';
import type { HistoryStoreSettings } from '../../settings';
import { HistoryProblem } from '../../model/problem';
import { createThreadCaller, ThreadProblem } from '../../../threads/caller';
import { closingMs, openHistoryStore, warnProcess, type Store, type Warn } from '../open';
import { toProblem } from '../errors';
import type { Arguments, Method, Result } from './thread';

/**
 * Opens a store that does not block its caller's thread. Only SQLite's driver blocks its thread, so it gets one of its
 * own.
 */
export function openBeside(settings: HistoryStoreSettings | HistoryProblem, warn?: Warn): Store {
  const blocks = !(settings instanceof HistoryProblem) && settings.address.kind === 'sqlite';
  return blocks ? openInThread(settings, warn) : openHistoryStore(settings, warn);
}

/**
 * Opens the store like `openHistoryStore`, in a thread of its own. If the thread dies, its running calls reject as
 * `unreachable`, even those that it has finished. The next call starts another thread.
 */
export function openInThread(settings: HistoryStoreSettings, warn: Warn = warnProcess): Store {
  const thread = createThreadCaller({
    file: path.join(__dirname, 'thread.js'),
    workerData: settings,
    resourceLimits: { maxYoungGenerationSizeMb: 2 },
    warn,
  });

  const ask = async <M extends Method>(
    method: M,
    args: Arguments<M>,
    signal?: AbortSignal,
  ): Promise<Result<M>> => {
    try {
      return (await thread.call(method, args, signal)) as Result<M>;
    } catch (error) {
      if (!(error instanceof ThreadProblem)) throw toProblem(error);
      throw new HistoryProblem(error.code === 'died' ? 'unreachable' : (error.code as HistoryProblemCode));
    }
  };

  return {
    save: (records) => ask('save', [records]),
    restore: (records) => ask('restore', [records]),
    listRecords: (...args) => ask('listRecords', args),
    listConversations: (...args) => ask('listConversations', args),
    listBuckets: (...args) => ask('listBuckets', args),
    readUsage: (query) => ask('readUsage', [query]),
    countConversations: (scope) => ask('countConversations', [scope]),
    erase: (erasure) => ask('erase', [erasure]),
    prune: (beforeDay, signal) => ask('prune', [beforeDay], signal),
    dayOf: (time) => ask('dayOf', [time]),
    preparePartitions: (...args) => ask('preparePartitions', args),
    listSizes: () => ask('listSizes', []),
    listPartitions: () => ask('listPartitions', []),
    readBefore: (...args) => ask('readBefore', args),
    remove: (positions) => ask('remove', [positions]),
    dropEmptyPartitions: (beforeDay, signal) => ask('dropEmptyPartitions', [beforeDay], signal),
    migrated: () => ask('migrated', []),
    identity: () => ask('identity', []),
    listUnnamed: () => ask('listUnnamed', []),
    match: (matches) => ask('match', [matches]),
    matchNumber: (...args) => ask('matchNumber', args),
    endNaming: () => ask('endNaming', []),
    listFormerUsers: () => ask('listFormerUsers', []),
    assign: (...args) => ask('assign', args),
    listFormerErasures: (...args) => ask('listFormerErasures', args),
    close: () => thread.close(closingMs),
  };
}
