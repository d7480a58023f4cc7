import type { Core } from '@strapi/strapi';

import { chatVariablesOf } from '../../app';
import { findSecretWarnings } from './secrets';

/** Logs what an operator should set, although the server works without it. */
export function warnAtStart(strapi: Core.Strapi): void {
  for (const warning of [...findSecretWarnings(strapi), ...findChatWarnings(strapi)])
    strapi.log.warn(warning);
}

/** Returns a warning in production while the operator has not decided whether users see prompts. */
export function findChatWarnings(strapi: Core.Strapi): string[] {
  const isProduction = strapi.config.get('environment') === 'production';
  const { CHAT_EXPOSE_PROMPT: choice } = chatVariablesOf(strapi) as { CHAT_EXPOSE_PROMPT?: unknown };
  const isMade = typeof choice === 'string' && choice.trim() !== '';
  if (!isProduction || isMade) return [];
  return [
    'CHAT_EXPOSE_PROMPT is not set, so replies show users the prompts of characters. Set it to true or false.',
  ];
}
