import type { Core } from '@strapi/strapi';

import {
  chatOf,
  historyOf,
  historyStoreOf,
  nodeBusOf,
  processLockOf,
  redisOf,
  stopReading,
  upstreamCheckOf,
} from '../../app';
import { settledWithin } from '../../chat';
import { answersSent } from '../../middlewares/koasseStream';
import { openSocketServer, type SocketServer } from '../../websocket/server';
import { relateByDocumentId, startFillingLinks, type Filling } from '../entries/character-links';
import type { EventQueue } from '../events/event-queue';
import { startMessageEvents } from '../events/message-events';
import { startHistory, type RunningHistory } from '../jobs/copy-history';
import { startPurging, type Purging } from '../jobs/purge';
import { startSqliteCheckpoints, type SqliteCheckpoints } from '../jobs/sqlite-checkpoints';
import { startTidyingHistory, type Tidying } from '../jobs/tidy-history';
import { loginsOf } from '../logins/logins';
import { startWatchingResources } from '../resources/resources';
import type { ResourceWatch } from '../resources/watch';

/** The work of a process that serves requests. */
export interface Serving {
  /** Starts the jobs of a server. A command that loads the application next to a server starts none of them. */
  start(): Promise<void>;
  /** Ends running turns, then stops everything. Strapi must wait for it before it closes connections. */
  stop(): Promise<void>;
}

interface Jobs {
  readonly messageEvents: EventQueue | undefined;
  readonly heartbeat: NodeJS.Timeout;
  readonly socketServer: SocketServer;
  readonly resources: ResourceWatch;
  readonly purging: Purging;
  readonly filling: Filling;
  readonly tidying: Tidying;
  readonly history: RunningHistory;
  readonly checkpoints: SqliteCheckpoints | undefined;
}

/** The time for the last events of messages, if the running turns have used up the time of the drain. */
const minEventsMs = 3_000;

/** With Redis there are several processes, and a load balancer that can move clients to others. */
const drainDelayWithOthersMs = 5_000;

/** @param movesSqliteLog whether a thread moves SQLite's log. It needs the settings of `config/database.ts`. */
export function createServing(strapi: Core.Strapi, movesSqliteLog: boolean): Serving {
  let jobs: Partial<Jobs> = {};
  return {
    async start() {
      relateByDocumentId(strapi);
      const { turns, conversationCleanup } = chatOf(strapi);
      redisOf(strapi)?.start();
      loginsOf(strapi).shareEnds(nodeBusOf(strapi));
      loginsOf(strapi).watch.start();
      await processLockOf(strapi).take();
      // Before the first turn can end.
      const messageEvents = startMessageEvents(strapi);
      await turns.takeOver();
      const heartbeat = setInterval(() => void turns.heartbeat(), turns.heartbeatMs);
      const socketServer = openSocketServer(strapi);
      jobs = { messageEvents, heartbeat, socketServer };
      const resources = await startWatchingResources(strapi);
      conversationCleanup.start();
      upstreamCheckOf(strapi).start();
      jobs = {
        ...jobs,
        resources,
        purging: startPurging(strapi),
        filling: startFillingLinks(strapi),
        tidying: startTidyingHistory({
          tidy: (signal) => historyOf(strapi).access.tidy(signal),
          log: strapi.log,
        }),
        history: startHistory(strapi),
        checkpoints: movesSqliteLog ? startSqliteCheckpoints(strapi) : undefined,
      };
    },

    async stop() {
      const { purging, filling, tidying, history, messageEvents, resources, socketServer, checkpoints } =
        jobs;
      const purged = Promise.all([purging?.stop(), filling?.stop(), tidying?.stop()]);
      const { turns, trials, comparisons, settings, conversationCleanup } = chatOf(strapi);
      const { drainDelayMs, drainTimeoutMs } = settings;
      const delayMs = drainDelayMs ?? (redisOf(strapi) === null ? 0 : drainDelayWithOthersMs);
      const drainsUntilMs = Date.now() + delayMs + drainTimeoutMs;
      upstreamCheckOf(strapi).stop();
      const tried = settledWithin(delayMs + drainTimeoutMs, Promise.all([comparisons.stop(), trials.stop()]));
      await Promise.all([turns.drain(drainTimeoutMs, delayMs), tried]);
      // Only after the drain: it can be longer than a lease, and its turns are alive.
      clearInterval(jobs.heartbeat);
      loginsOf(strapi).watch.stop();
      await Promise.all([purged, conversationCleanup.stop()]);
      // After the drain, because the history and Strapi's subscribers must get its turns, too.
      const lastEventsMs = Math.max(minEventsMs, drainsUntilMs - Date.now());
      await Promise.all([history?.stop(), messageEvents?.stop(lastEventsMs)]);
      await historyStoreOf(strapi)?.close();
      await resources?.stop();
      await Promise.all([
        answersSent(1_000),
        socketServer?.close(),
        checkpoints?.stop(),
        stopReading(strapi),
      ]);
      await processLockOf(strapi).release();
      await redisOf(strapi)?.close();
    },
  };
}
