import type { Core } from '@strapi/strapi';

import { chatOf } from '../../app';
import { keepCharacterVersions } from '../entries/character-versions';
import { giveNumericIds, showNumericIds } from '../entries/character-ids';
import { keepLinksOfDiscarded } from '../entries/character-links';
import { keepForReading, showLinkedCharacters } from '../entries/chat-entries';
import { hideDisabledCharacters } from '../entries/enabled-characters';
import { eraseWithUser } from '../entries/erase-with-user';
import { keepMessageCounts } from '../entries/message-counts';
import { keepQuestionTexts } from '../entries/question-texts';
import { dropConversationsWithSessions } from '../entries/session-conversations';
import { showOneLocale } from '../entries/reader-locale';
import { keepSharedFields, shareFields } from '../entries/shared-fields';
import { linkToSingleRows } from '../entries/single-links';
import { keepUpstreamKeys } from '../upstreams/keep-keys';
import { checkBeforePublishing } from '../upstreams/publish-checks';
import { auditEntries } from '../workplace/conversations/audit-entries';
import { characterUid } from '../../database/characters/uid';

/** Adds the rules for entries of the chat's content types. Call it in `register`, after these types exist. */
export function keepEntryRules(strapi: Core.Strapi): void {
  const { settings } = chatOf(strapi);
  if (!settings.turns.exposePrompt) hidePrompt(strapi);
  keepSharedFields(strapi);
  showOneLocale(strapi);
  hideDisabledCharacters(strapi);
  giveNumericIds(strapi);
  showNumericIds(strapi, settings.turns.nameUsers);
  keepUpstreamKeys(strapi, {
    defaultKind: settings.upstream,
    hasDefaultApp: settings.console.appId !== null,
  });
  keepLinksOfDiscarded(strapi);
  keepCharacterVersions(strapi);
  // A later rule runs inside: it checks a publish before a version is kept.
  checkBeforePublishing(strapi);
  shareFields(strapi);
  linkToSingleRows(strapi);
  keepMessageCounts(strapi);
  keepQuestionTexts(strapi);
  keepForReading(strapi);
  showLinkedCharacters(strapi);
  auditEntries(strapi);
  eraseWithUser(strapi);
  dropConversationsWithSessions(strapi);
}

/** Makes the prompt private. Strapi then leaves it out of replies, and clients cannot filter, sort or search by it. */
function hidePrompt(strapi: Core.Strapi): void {
  const { prompt } = strapi.contentType(characterUid).attributes;
  Object.assign(prompt as object, { private: true, searchable: false });
}
