import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

import { words } from '../i18n';

export interface PageProps {
  readonly title: string;
  readonly children: ComponentChildren;
}

/** A page around an account. Its heading gets the focus, so that screen readers say where the user is. */
export function Page({ title, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  useEffect(() => {
    document.title = `${title} · ${words.value.appName}`;
    return () => void (document.title = words.value.appName);
  }, [title]);
  return (
    <div class="page">
      <h1 ref={heading} tabIndex={-1}>
        {title}
      </h1>
      {children}
    </div>
  );
}
