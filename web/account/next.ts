import { navigate, route, toPath, toRoute, type Route } from '../platform/router';

/** Pages that a visitor without a login sees. */
type GuestPage = 'login' | 'register' | 'forgot-password';

/** Returns the address that the visitor has asked for. */
function readNext(): string | undefined {
  const { value } = route;
  if ('next' in value) return value.next;
  const isAskedFor = value.page === 'conversation' || value.page === 'account';
  return isAskedFor ? toPath(value) : undefined;
}

/** Returns the route of a page that leads on to the address that the visitor has asked for. */
export function toGuestPage(page: GuestPage): Route {
  const next = readNext();
  return { page, ...(next !== undefined && { next }) };
}

/** Opens the address that the visitor has asked for. It is always one of this page. */
export function openNext(): void {
  const [pathname = '', search = ''] = (readNext() ?? '').split('?');
  navigate(toRoute({ pathname, search }), { replace: true });
}
