import type { Core } from '@strapi/strapi';

import { chatPagePath } from './chat-page';

/** The settings of users-permissions with addresses of an app, and the pages for them. */
const pages = {
  // The mail for a forgotten password adds the code to this address.
  email_reset_password: `${chatPagePath}reset-password`,
  // The link in the mail that confirms an address leads here in the end.
  email_confirmation_redirection: `${chatPagePath}login`,
} as const;

type Links = { readonly [Name in keyof typeof pages]?: string | null };

/**
 * Makes the links in mails lead to the chat page. Keeps the addresses that the operator has set in the admin panel.
 * An address that this function has set follows a change of PUBLIC_URL.
 */
export async function linkMailsToChatPage(strapi: Core.Strapi): Promise<void> {
  const accounts = strapi.store({ type: 'plugin', name: 'users-permissions' });
  const own = strapi.store({ type: 'core', name: 'character-chat' });
  const settings = ((await accounts.get({ key: 'advanced' })) ?? {}) as Links;
  const before = ((await own.get({ key: 'mail-links' })) ?? {}) as Links;
  const server = strapi.config.get<string>('server.absoluteUrl');
  const changed = Object.entries(pages).flatMap(([name, path]) => {
    const [current, set] = [settings[name as keyof Links], before[name as keyof Links]];
    const isOfOperator = (current ?? '') !== '' && current !== set;
    return isOfOperator || current === server + path ? [] : [[name, server + path] as const];
  });
  if (changed.length === 0) return;
  const links = Object.fromEntries(changed);
  await accounts.set({ key: 'advanced', value: { ...settings, ...links } });
  await own.set({ key: 'mail-links', value: { ...before, ...links } });
}
