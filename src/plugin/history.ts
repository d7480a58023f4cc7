import type { Core } from '@strapi/strapi';

import { keepHistoryIn } from '../app';
import { HistoryProblem, parseHistoryStoreSettings } from '../history';
import { openBeside } from '../history/store/thread/in-thread';

/** Opens the history. By default, it is next to the host's database. A wrong setting does not stop the chat. */
export function openHistory(strapi: Core.Strapi, variables: Readonly<Record<string, unknown>>): void {
  const settings = parseHistoryStoreSettings({
    ...variables,
    folder: strapi.dirs.app.root,
    mainDatabase: strapi.config.get('database.connection'),
  });
  if (settings instanceof HistoryProblem) strapi.log.error(settings.message);
  keepHistoryIn(
    strapi,
    openBeside(settings, (message) => strapi.log.warn(message)),
  );
}
