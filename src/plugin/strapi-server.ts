import type { Core } from '@strapi/strapi';
import type { Context } from 'koa';

import { openHistoryToAdmins } from '../api/history/admin-routes';
import { chatOf, useVariables } from '../app';
import { markDriverErrors } from '../database/sql/driver-errors';
import { dropLoginTable } from '../database/users/login-table';
import { SettingsError } from '../chat';
import { addCardRoutes } from '../strapi/character-cards/routes';
import { keepEntryRules } from '../strapi/lifecycle/rules';
import { createServing, type Serving } from '../strapi/lifecycle/serving';
import { createTables } from '../strapi/lifecycle/tables';
import { endTokensWithAccount } from '../strapi/logins/end-logins';
import { readStockSessions } from '../strapi/logins/logins';
import { surviveBrokenConnections } from '../strapi/patches/survive-broken-connections';
import { guardChats, takeChatsFromStockRoles } from '../strapi/rights/chat-reading';
import { guardDrafts } from '../strapi/rights/draft-reading';
import { useTokenSettings } from '../strapi/logins/token-settings';
import { createChatPage } from '../strapi/pages/chat-page';
import { linkMailsToChatPage } from '../strapi/pages/mail-links';
import { addTokenStrategy } from '../strapi/tokens/token-strategy';
import { nameInAdminPanel } from '../strapi/startup/admin-labels';
import { beforeListening } from '../strapi/startup/before-listening';
import { grantDefaultLocale } from '../strapi/startup/locale-rights';
import { grantAuthenticated } from '../strapi/startup/permissions';
import { startInTurn } from '../strapi/startup/start-in-turn';
import { findChatWarnings } from '../strapi/startup/warn-at-start';
import { addWorkplace } from '../strapi/workplace/workplace';
import { guardAgainstAbsence, type AbsenceGuard } from './absence';
import { afterBootstraps } from './after-bootstraps';
import { addApis } from './apis';
import { GuestProblem } from './guest-problem';
import { openHistory } from './history';
import { assertHost, compressesReplies, findHostWarnings } from './host-checks';
import { addLocaleAttributes } from './localized-types';
import { addPathMiddlewares, addRouteMiddlewares } from './middlewares';
import { createOwnPaths } from './own-paths';
import { ownUids } from '../strapi/entries/own-uids';
import { parsePluginSettings, readEnvironment, variablesOf, type PluginSettings } from './settings';
import { addFunctionsToSqlite } from './sqlite-functions';

let endTurnToStart = () => {};
let serving: Serving | undefined;
let absence: AbsenceGuard | undefined;

interface Options {
  readonly strapi: Core.Strapi;
}

/** The server part of the plugin: the APIs of the application, in a project of somebody else. */
export default {
  config: {
    default: ({ env }: { readonly env: (name: string) => string | undefined }) => readEnvironment(env),
    // `register` checks the settings, because Strapi would print a stack trace here.
    validator: () => undefined,
  },

  /** Adds everything to the host. @throws GuestProblem which names what to change. */
  async register({ strapi }: Options): Promise<void> {
    assertHost(strapi);
    const settings = readSettings(strapi);
    serving = createServing(strapi, false);
    endTurnToStart = startInTurn(strapi);
    surviveBrokenConnections(strapi);
    addFunctionsToSqlite(strapi);
    markDriverErrors(strapi.db.connection);
    readStockSessions(strapi);
    useTokens(strapi, settings);
    const apis = addToHost(strapi, settings);
    addTokenStrategy(strapi, (ctx) => isRouteOf(apis, ctx));
    keepEntryRules(strapi);
    await guardChats(strapi);
    guardDrafts(strapi, (uid) => ownUids.has(uid));
    await openHistoryToAdmins(strapi);
    addCardRoutes(strapi, { maxBytes: settings.CARD_LIMIT });
    await addWorkplace(strapi);
    absence = guardAgainstAbsence(strapi, apis);
    afterBootstraps(strapi, () => prepare(strapi, settings));
  },

  /** Strapi waits for this before it closes every connection. Running turns end here. */
  async destroy(): Promise<void> {
    endTurnToStart();
    await absence?.stop();
    await serving?.stop();
  },
};

/** @throws GuestProblem which lists every problem. */
function readSettings(strapi: Core.Strapi): PluginSettings {
  const variables = variablesOf(strapi);
  try {
    const settings = parsePluginSettings(variables);
    useVariables(strapi, variables);
    openHistory(strapi, variables);
    chatOf(strapi);
    return settings;
  } catch (error) {
    throw error instanceof SettingsError ? new GuestProblem(error.message) : error;
  }
}

function useTokens(strapi: Core.Strapi, settings: PluginSettings): void {
  useTokenSettings(strapi, {
    perUser: settings.AUTH_TOKENS_PER_USER,
    endWithPassword: settings.AUTH_TOKENS_END_WITH_PASSWORD,
  });
  endTokensWithAccount(strapi);
}

function isRouteOf(apis: readonly string[], ctx: Context): boolean {
  const { info } = ctx.state['route'] as { readonly info?: { readonly apiName?: string } };
  return apis.includes(info?.apiName ?? '');
}

/** @returns the names of the added APIs. */
function addToHost(strapi: Core.Strapi, settings: PluginSettings): readonly string[] {
  const {
    CHAT_API_PREFIX: prefix,
    CHAT_PATHS_WITHOUT_API: servesWithoutApi,
    BODY_LIMIT: maxBodyBytes,
    HTTP_COMPRESSION: compresses = !compressesReplies(strapi),
  } = settings;
  if (settings.CHAT_PAGE) {
    // The host's middlewares are added later, so they do not see requests of the page.
    const imageOrigins = settings.CHAT_PAGE_IMAGE_ORIGINS;
    strapi.server.use(createChatPage(strapi, { compresses: true, imageOrigins }) as never);
  }
  addRouteMiddlewares(strapi);
  const apis = addApis(strapi, prefix);
  addLocaleAttributes(strapi);
  const paths = createOwnPaths(strapi, { apis, prefix, servesWithoutApi });
  addPathMiddlewares(strapi, { paths, apis, prefix, maxBodyBytes, compresses });
  return apis.map(({ registeredName }) => registeredName);
}

/** Runs after Strapi has created the tables, the roles and the rights. */
async function prepare(strapi: Core.Strapi, settings: PluginSettings): Promise<void> {
  await absence?.start();
  await grantAuthenticated(strapi);
  await takeChatsFromStockRoles(strapi);
  await grantDefaultLocale(strapi);
  await nameInAdminPanel(strapi);
  await dropLoginTable(strapi.db);
  await createTables(strapi);
  if (settings.CHAT_PAGE) await linkMailsToChatPage(strapi);
  endTurnToStart();
  beforeListening(strapi, async () => {
    for (const warning of [...findChatWarnings(strapi), ...findHostWarnings(strapi)])
      strapi.log.warn(warning);
    await serving?.start();
  });
}
