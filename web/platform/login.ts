import { signal } from '@preact/signals';
import { webStorage, type Tokens } from 'character-chat-client';

/** Whether a user is logged in here. The server decides: its refusal ends the login. */
export const isLoggedIn = signal(hasTokens());

/** The client calls it with new tokens, and with null when the login has ended. */
export function onTokens(tokens: Tokens | null): void {
  isLoggedIn.value = tokens !== null;
}

/** Follows logins and logouts of other tabs. Call it once. */
export function followOtherTabs(): void {
  globalThis.addEventListener('storage', () => (isLoggedIn.value = hasTokens()));
}

function hasTokens(): boolean {
  return webStorage(localStorage).load() !== null;
}
