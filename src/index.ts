import type { Core } from '@strapi/strapi';

import { openHistoryToAdmins } from './api/history/admin-routes';
import { chatOf, keepHistoryIn } from './app';
import { SettingsError } from './chat';
import { markDriverErrors } from './database/sql/driver-errors';
import { createLoginTable } from './database/users/login-table';
import { HistoryProblem, parseHistoryStoreSettings } from './history';
import { openBeside } from './history/store/thread/in-thread';
import { addCardRoutes } from './strapi/character-cards/routes';
import { keepEntryRules } from './strapi/lifecycle/rules';
import { createServing, type Serving } from './strapi/lifecycle/serving';
import { createTables } from './strapi/lifecycle/tables';
import { endLoginsWithAccount } from './strapi/logins/end-logins';
import { keepAdminLoginErrors } from './strapi/patches/admin-login-errors';
import { evenAdminLogins } from './strapi/patches/admin-login-time';
import { reportFailedRelationChecks } from './strapi/patches/relation-checks';
import { skipApiTokens } from './strapi/patches/skip-api-tokens';
import { declareStockUploads } from './strapi/patches/stock-uploads';
import { surviveBrokenConnections } from './strapi/patches/survive-broken-connections';
import { linkMailsToChatPage } from './strapi/pages/mail-links';
import { guardChats, takeChatsFromStockRoles } from './strapi/rights/chat-reading';
import { guardDrafts } from './strapi/rights/draft-reading';
import { nameInAdminPanel } from './strapi/startup/admin-labels';
import { beforeListening } from './strapi/startup/before-listening';
import { hideMarketplace } from './strapi/startup/hide-marketplace';
import { indexSessions } from './strapi/startup/index-sessions';
import { limitPool } from './strapi/startup/limit-pool';
import { grantDefaultLocale } from './strapi/startup/locale-rights';
import { grantAuthenticated } from './strapi/startup/permissions';
import { findSecretProblems } from './strapi/startup/secrets';
import { startInTurn } from './strapi/startup/start-in-turn';
import { useOwnTemporaryFolder, type TemporaryFolder } from './strapi/startup/temporary-folder';
import { warnAtStart } from './strapi/startup/warn-at-start';
import { addWorkplace } from './strapi/workplace/workplace';

let endTurnToStart = () => {};
let serving: Serving | undefined;
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
    serving = createServing(strapi, true);
    endTurnToStart = startInTurn(strapi);
    surviveBrokenConnections(strapi);
    markDriverErrors(strapi.db.connection);
    skipApiTokens(strapi);
    evenAdminLogins(strapi);
    keepAdminLoginErrors(strapi);
    reportFailedRelationChecks(strapi);
    keepEntryRules(strapi);
    endLoginsWithAccount(strapi);
    indexSessions(strapi);
    await guardChats(strapi);
    guardDrafts(strapi);
    await openHistoryToAdmins(strapi);
    addCardRoutes(strapi, { maxBytes: strapi.config.get<number>('cards.maxBytes') });
    await addWorkplace(strapi);
    declareStockUploads(strapi);
    hideMarketplace(strapi);
    temporaryFolder = useOwnTemporaryFolder(strapi);
  },

  async bootstrap({ strapi }: { strapi: Core.Strapi }): Promise<void> {
    await grantAuthenticated(strapi);
    await takeChatsFromStockRoles(strapi);
    await grantDefaultLocale(strapi);
    await nameInAdminPanel(strapi);
    await createLoginTable(strapi.db);
    await createTables(strapi);
    if (strapi.config.get<boolean>('pages.hasChatPage')) await linkMailsToChatPage(strapi);
    endTurnToStart();
    beforeListening(strapi, async () => {
      warnAtStart(strapi);
      await serving?.start();
    });
  },

  /** Strapi waits for this before it closes every connection. Running turns end here. */
  async destroy(): Promise<void> {
    // For a bootstrap that failed.
    endTurnToStart();
    endAtOnceOnNextSignal();
    await serving?.stop();
    await temporaryFolder?.remove();
  },
};

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
