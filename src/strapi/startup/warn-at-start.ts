import type { Core } from '@strapi/strapi';

import { findSecretWarnings } from './secrets';

/** Logs what an operator should set, although the server works without it. */
export function warnAtStart(strapi: Core.Strapi): void {
  for (const warning of [...findSecretWarnings(strapi), ...findChatWarnings(strapi)])
    strapi.log.warn(warning);
}

/** Returns a warning in production while the operator has not decided whether users see prompts. */
function findChatWarnings({ config }: Core.Strapi): string[] {
  const isProduction = config.get('environment') === 'production';
  const choice: unknown = config.get('chat.CHAT_EXPOSE_PROMPT');
  const isMade = typeof choice === 'string' && choice.trim() !== '';
  if (!isProduction || isMade) return [];
  return [
    'CHAT_EXPOSE_PROMPT is not set, so replies show users the prompts of characters. Set it to true or false.',
  ];
}
