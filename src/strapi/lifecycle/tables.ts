import type { Core } from '@strapi/strapi';

import { createAuditTable } from '../../database/audit/audit';
import { fillCharacterDefaults } from '../../database/characters/defaults';
import { keepPublishedVersions } from '../../database/characters/versions/keep';
import { createVersionTable } from '../../database/characters/versions/table';
import { createNumberTable, numberCharacters } from '../../database/characters/numbers';
import { indexMarkedMessages } from '../../database/conversations/indexes';
import { createFileTable } from '../../database/files/store';
import { createErasureTable } from '../../database/history/erasures';
import { indexRatings } from '../../database/messages/ratings';
import { indexChatNames } from '../../database/sessions/chat-names';
import { createUnneededTable } from '../../database/sessions/unneeded-conversations';
import { indexPendingAnswers } from '../../database/turns/pending-answers';
import { createTrialTables } from '../../database/trials/tables';
import { createUpstreamKeysTable } from '../../database/upstreams/keys';
import { createLoginAttemptsTable } from '../../database/upstreams/login-attempts';
import { createCounterTable, nameCountsByDocument } from '../../database/users/counters';
import { createTokenTable } from '../../database/users/tokens';

/** Creates the tables that are no content types. Call it after Strapi has created its tables. */
export async function createTables({ db }: Core.Strapi): Promise<void> {
  await createCounterTable(db);
  await nameCountsByDocument(db);
  await createErasureTable(db);
  await createUnneededTable(db);
  await createUpstreamKeysTable(db);
  await createLoginAttemptsTable(db);
  await createFileTable(db);
  await createTokenTable(db);
  await createNumberTable(db);
  await numberCharacters(db);
  await createAuditTable(db);
  await createTrialTables(db);
  await fillCharacterDefaults(db);
  await createVersionTable(db);
  await keepPublishedVersions(db);
  await indexPendingAnswers(db);
  await indexRatings(db);
  await indexChatNames(db);
  await indexMarkedMessages(db);
}
