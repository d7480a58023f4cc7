import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';

import { ExchangeView, type ExchangeProps } from './exchange';
import type { Versions } from './thread/group';
import type { Thread } from './thread/thread';

/**
 * Returns the views of all exchanges. Preact skips a view that is the same object as before, so a change does not render
 * a long conversation again.
 */
export function useExchangeViews(thread: Thread): readonly VNode[] {
  const known = useRef(new Map<string, { readonly props: ExchangeProps; readonly view: VNode }>());
  const { value: groups } = thread.groups;
  return groups.map((versions, index) => {
    const key = versions[0]?.root ?? '';
    const props = { versions, thread, isLast: index === groups.length - 1 };
    const before = known.current.get(key);
    if (before?.props.isLast === props.isLast && isSame(before.props.versions, versions)) return before.view;
    const view = <ExchangeView key={key} {...props} />;
    known.current.set(key, { props, view });
    return view;
  });
}

function isSame(before: Versions, versions: Versions): boolean {
  return (
    before.length === versions.length &&
    before.every(({ question, answer, asked }, index) => {
      const now = versions[index];
      return question === now?.question && answer === now.answer && asked === now.asked;
    })
  );
}
