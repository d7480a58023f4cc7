import { signal } from '@preact/signals';
import { tabStorage, type Tokens } from 'character-chat-client';

/** The tabs of a browser share one login. */
export const tokens = tabStorage();

/** Whether a user is logged in here. The server decides: its refusal ends the login. */
export const isLoggedIn = signal(tokens.hasLogin());

let userId: unknown;

/** The client calls it with new tokens, also of other tabs, and with null when the login has ended. */
export function onTokens(changed: Tokens | null): void {
  isLoggedIn.value = changed !== null;
  if (changed === null) return;
  const before = userId;
  userId = readUserId(changed.jwt);
  // Another tab has logged in as somebody else. Nothing of the first user may stay on the page.
  if (before !== undefined && before !== userId) location.reload();
}

function readUserId(jwt: string): unknown {
  const payload = jwt.split('.')[1]?.replaceAll('-', '+').replaceAll('_', '/') ?? '';
  return (JSON.parse(atob(payload)) as { readonly userId?: unknown }).userId;
}
