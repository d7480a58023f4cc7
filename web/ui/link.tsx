import type { JSX } from 'preact';

import { navigate, toPath, type Route } from '../platform/router';

export interface LinkProps extends Omit<JSX.IntrinsicElements['a'], 'href' | 'to'> {
  readonly to: Route;
}

/** A link inside the page. A middle click or Ctrl opens a tab, as with other links. */
export function Link({ to, onClick, ...rest }: LinkProps) {
  return (
    <a
      href={toPath(to)}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button !== 0) return;
        event.preventDefault();
        navigate(to);
        if (typeof onClick === 'function') onClick(event);
      }}
      {...rest}
    />
  );
}
