import { computed, signal } from '@preact/signals';

/** What the page shows. Each one has an address of its own, so that a reload and a bookmark lead back to it. */
export type Route =
  | { readonly page: 'start' }
  | {
      readonly page: 'conversation';
      readonly sessionId: string;
      /** The message to show. */
      readonly messageId?: string;
    }
  | {
      readonly page: 'login' | 'register' | 'forgot-password';
      /** The address to open after the login. */
      readonly next?: string;
    }
  | { readonly page: 'account' }
  | { readonly page: 'reset-password'; readonly code: string };

export const base = '/chat/';

/** Reads an address. An unknown one shows the start. */
export function toRoute({ pathname, search }: Pick<URL, 'pathname' | 'search'>): Route {
  const [page = '', id = ''] = pathname.slice(base.length).split('/');
  const params = new URLSearchParams(search);
  if (page === 'c' && id !== '') {
    const messageId = params.get('message');
    return { page: 'conversation', sessionId: decode(id), ...(messageId !== null && { messageId }) };
  }
  if (page === 'login' || page === 'register' || page === 'forgot-password') {
    const next = params.get('next');
    return { page, ...(next !== null && { next }) };
  }
  if (page === 'account') return { page };
  if (page === 'reset-password') return { page, code: params.get('code') ?? '' };
  return { page: 'start' };
}

export function toPath(route: Route): string {
  if (route.page === 'start') return base;
  if (route.page === 'conversation') {
    const path = `${base}c/${encodeURIComponent(route.sessionId)}`;
    return route.messageId === undefined ? path : `${path}?message=${encodeURIComponent(route.messageId)}`;
  }
  if (route.page === 'reset-password') return `${base}${route.page}?code=${encodeURIComponent(route.code)}`;
  if ('next' in route && route.next !== undefined)
    return `${base}${route.page}?next=${encodeURIComponent(route.next)}`;
  return `${base}${route.page}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const address = signal('');
const read = () => void (address.value = globalThis.location.pathname + globalThis.location.search);

/** The route of the address. */
export const route = computed(() => toRoute(new URL(address.value, 'http://page')));

/** Counts the calls of `navigate`, also of those to the address that is open. */
export const visits = signal(0);

/** Begins to follow the address. Call it once. */
export function startRouter(): void {
  read();
  globalThis.addEventListener('popstate', read);
}

/** Opens a page. `replace` leaves no step to go back to. */
export function navigate(to: Route, { replace = false } = {}): void {
  const path = toPath(to);
  visits.value += 1;
  if (path === address.value) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', path);
  read();
}
