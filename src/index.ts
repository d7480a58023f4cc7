import type { Core } from '@strapi/strapi';

import { openHistoryToAdmins } from './api/history/admin-routes';
import { addCardRoutes } from './strapi/character-cards/routes';
import { nameInAdminPanel } from './strapi/startup/admin-labels';
import { keepAdminLoginErrors } from './strapi/patches/admin-login-errors';
import { evenAdminLogins } from './strapi/patches/admin-login-time';
import { beforeListening } from './strapi/startup/before-listening';
import { keepForReading, showLinkedCharacters } from './strapi/entries/chat-entries';
import { giveNumericIds, showNumericIds } from './strapi/entries/character-ids';
import {
  keepLinksOfDiscarded,
  relateByDocumentId,
  startFillingLinks,
  type Filling,
} from './strapi/entries/character-links';
import { guardChats, takeChatsFromStockRoles } from './strapi/rights/chat-reading';
import { guardDrafts } from './strapi/rights/draft-reading';
import { endLoginsWithAccount } from './strapi/logins/end-logins';
import { eraseWithUser } from './strapi/entries/erase-with-user';
import { startMessageEvents } from './strapi/events/message-events';
import type { EventQueue } from './strapi/events/event-queue';
import { startHistory, type RunningHistory } from './strapi/jobs/copy-history';
import { dropConversationsWithSessions } from './strapi/entries/session-conversations';
import { indexSessions } from './strapi/startup/index-sessions';
import { keepMessageCounts } from './strapi/entries/message-counts';
import { keepQuestionTexts } from './strapi/entries/question-texts';
import { keepUpstreamKeys } from './strapi/upstreams/keep-keys';
import { grantAuthenticated } from './strapi/startup/permissions';
import { startInTurn } from './strapi/startup/start-in-turn';
import { startPurging, type Purging } from './strapi/jobs/purge';
import { findSecretProblems } from './strapi/startup/secrets';
import { linkToSingleRows } from './strapi/entries/single-links';
import { startSqliteCheckpoints, type SqliteCheckpoints } from './strapi/jobs/sqlite-checkpoints';
import { warnAtStart } from './strapi/startup/warn-at-start';
import { declareStockUploads } from './strapi/patches/stock-uploads';
import { reportFailedRelationChecks } from './strapi/patches/relation-checks';
import { surviveBrokenConnections } from './strapi/patches/survive-broken-connections';
import { skipApiTokens } from './strapi/patches/skip-api-tokens';
import { useOwnTemporaryFolder, type TemporaryFolder } from './strapi/startup/temporary-folder';
import { startWatchingResources } from './strapi/resources/resources';
import type { ResourceWatch } from './strapi/resources/watch';
import { startTidyingHistory, type Tidying } from './strapi/jobs/tidy-history';
import { HistoryProblem, parseHistoryStoreSettings } from './history';
import { SettingsError } from './chat';
import {
  chatOf,
  historyOf,
  historyStoreOf,
  keepHistoryIn,
  processLockOf,
  stopReading,
  upstreamCheckOf,
} from './app';
import { openBeside } from './history/store/thread/in-thread';
import { loginsOf } from './strapi/logins/logins';
import { answersSent } from './middlewares/koasseStream';
import { createNumberTable, numberCharacters } from './database/characters/numbers';
import { createErasureTable } from './database/history/erasures';
import { createUpstreamKeysTable } from './database/upstreams/keys';
import { createLoginAttemptsTable } from './database/upstreams/login-attempts';
import { createUnneededTable } from './database/sessions/unneeded-conversations';
import { markDriverErrors } from './database/sql/driver-errors';
import { createLoginTable } from './database/users/login-table';
import { indexPendingAnswers } from './database/turns/pending-answers';
import { limitPool } from './strapi/startup/limit-pool';
import { createFileTable } from './database/files/store';
import { createCounterTable, nameCountsByDocument } from './database/users/counters';
import { openSocketServer, type SocketServer } from './websocket/server';

let endTurnToStart = () => {};
let heartbeat: NodeJS.Timeout | undefined;
let socketServer: SocketServer | undefined;
let purging: Purging | undefined;
let filling: Filling | undefined;
let tidying: Tidying | undefined;
let history: RunningHistory | undefined;
let messageEvents: EventQueue | undefined;
let resources: ResourceWatch | undefined;
let checkpoints: SqliteCheckpoints | undefined;
let temporaryFolder: TemporaryFolder | undefined;

export default {
  /** Runs before the server accepts requests. A bad setting stops the start; the error lists every problem. */
  async register({ strapi }: { strapi: Core.Strapi }): Promise<void> {
    const historySettings = parseHistoryStoreSettings(strapi.config.get('history'));
    if (historySettings instanceof HistoryProblem) strapi.log.error(historySettings.message);
    keepHistoryIn(
      strapi,
      openBeside(historySettings, (message) => strapi.log.warn(message)),
    );
    await limitPool(strapi);
    assertSettings(strapi);
    endTurnToStart = startInTurn(strapi);
    surviveBrokenConnections(strapi);
    markDriverErrors(strapi.db.connection);
    skipApiTokens(strapi);
    evenAdminLogins(strapi);
    keepAdminLoginErrors(strapi);
    reportFailedRelationChecks(strapi);
    if (!chatOf(strapi).settings.turns.exposePrompt) hidePrompt(strapi);
    giveNumericIds(strapi);
    showNumericIds(strapi);
    const { settings } = chatOf(strapi);
    keepUpstreamKeys(strapi, {
      defaultKind: settings.upstream,
      hasDefaultApp: settings.console.appId !== null,
    });
    keepLinksOfDiscarded(strapi);
    linkToSingleRows(strapi);
    keepMessageCounts(strapi);
    keepQuestionTexts(strapi);
    keepForReading(strapi);
    showLinkedCharacters(strapi);
    eraseWithUser(strapi);
    dropConversationsWithSessions(strapi);
    endLoginsWithAccount(strapi);
    indexSessions(strapi);
    await guardChats(strapi);
    guardDrafts(strapi);
    await openHistoryToAdmins(strapi);
    addCardRoutes(strapi);
    declareStockUploads(strapi);
    temporaryFolder = useOwnTemporaryFolder(strapi);
  },

  async bootstrap({ strapi }: { strapi: Core.Strapi }): Promise<void> {
    await grantAuthenticated(strapi);
    await takeChatsFromStockRoles(strapi);
    await nameInAdminPanel(strapi);
    await createCounterTable(strapi.db);
    await nameCountsByDocument(strapi.db);
    await createErasureTable(strapi.db);
    await createUnneededTable(strapi.db);
    await createUpstreamKeysTable(strapi.db);
    await createLoginAttemptsTable(strapi.db);
    await createFileTable(strapi.db);
    await createLoginTable(strapi.db);
    await createNumberTable(strapi.db);
    await numberCharacters(strapi.db);
    await indexPendingAnswers(strapi.db);
    endTurnToStart();
    beforeListening(strapi, () => startServing(strapi));
  },

  /** Strapi waits for this before it closes every connection. Running turns end here. */
  async destroy({ strapi }: { strapi: Core.Strapi }): Promise<void> {
    // For a bootstrap that failed.
    endTurnToStart();
    const purged = Promise.all([purging?.stop(), filling?.stop(), tidying?.stop()]);
    endAtOnceOnNextSignal();
    const { turns, settings, conversationCleanup } = chatOf(strapi);
    const drainsUntilMs = Date.now() + settings.drainTimeoutMs;
    upstreamCheckOf(strapi).stop();
    await turns.drain(settings.drainTimeoutMs);
    // Only after the drain: it can be longer than a lease, and its turns are alive.
    clearInterval(heartbeat);
    loginsOf(strapi).watch.stop();
    await Promise.all([purged, conversationCleanup.stop()]);
    // After the drain, because the history and Strapi's subscribers must get its turns, too.
    const lastEventsMs = Math.max(minEventsMs, drainsUntilMs - Date.now());
    await Promise.all([history?.stop(), messageEvents?.stop(lastEventsMs)]);
    await historyStoreOf(strapi)?.close();
    await resources?.stop();
    await Promise.all([answersSent(1_000), socketServer?.close(), checkpoints?.stop(), stopReading(strapi)]);
    await temporaryFolder?.remove();
    await processLockOf(strapi).release();
  },
};

/** The time for the last events of messages, if the running turns have used up the time of the drain. */
const minEventsMs = 3_000;

/** Starts the jobs of a server. A command that loads the application next to a server starts none of them. */
async function startServing(strapi: Core.Strapi): Promise<void> {
  warnAtStart(strapi);
  relateByDocumentId(strapi);
  const { turns, conversationCleanup } = chatOf(strapi);
  loginsOf(strapi).watch.start();
  await processLockOf(strapi).take();
  // Before the first turn can end.
  messageEvents = startMessageEvents(strapi);
  await turns.takeOver();
  heartbeat = setInterval(() => void turns.heartbeat(), turns.heartbeatMs);
  socketServer = openSocketServer(strapi);
  resources = await startWatchingResources(strapi);
  conversationCleanup.start();
  upstreamCheckOf(strapi).start();
  purging = startPurging(strapi);
  filling = startFillingLinks(strapi);
  tidying = startTidyingHistory({ tidy: (signal) => historyOf(strapi).access.tidy(signal), log: strapi.log });
  history = startHistory(strapi);
  checkpoints = startSqliteCheckpoints(strapi);
}

/**
 * Ends the process immediately on a second signal. A terminal and npm both forward the same Ctrl-C, so repeated
 * signals count only after 500 ms.
 */
function endAtOnceOnNextSignal(): void {
  const drainingSince = Date.now();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (Date.now() - drainingSince > 500) process.exit(1);
    });
  }
}

function assertSettings(strapi: Core.Strapi): void {
  const problems = findSecretProblems(strapi);
  try {
    chatOf(strapi);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    problems.push(...error.problems);
  }
  if (problems.length > 0) throw new SettingsError(problems);
}

/** Makes the prompt private. Strapi then leaves it out of replies, and clients cannot filter, sort or search by it. */
function hidePrompt(strapi: Core.Strapi): void {
  const { prompt } = strapi.contentType('api::ai-character.ai-character').attributes;
  Object.assign(prompt as object, { private: true, searchable: false });
}
