import { useEffect, useState } from 'react';

import { useFetchClient } from '@strapi/strapi/admin';

export type Status = 'loading' | 'ready' | 'failed';

/** Where the next part begins; null at the end. */
type Next = string | number | null;

export interface Parts<Body> {
  readonly bodies: readonly Body[];
  readonly status: Status;
  readonly next: Next;
  loadMore(): void;
}

/**
 * Loads a list part by part. A new address begins again.
 * @param path the address of the first part.
 * @param nextOf returns the query of the next part, without `&`.
 */
export function useParts<Body>(path: string, nextOf: (body: Body) => string | null): Parts<Body> {
  const { get } = useFetchClient();
  const [state, setState] = useState<{ path: string; bodies: readonly Body[]; status: Status }>();
  /** Each load has its own object, so that an old reply is ignored. */
  const [wanted, setWanted] = useState<{ path: string; query: string | null }>({ path, query: null });
  const isCurrent = state?.path === path;
  const bodies = isCurrent ? state.bodies : [];
  const last = bodies.at(-1);

  useEffect(() => {
    const query = wanted.path === path ? wanted.query : null;
    const loaded = query === null ? [] : bodies;
    let isLeft = false;
    setState({ path, bodies: loaded, status: 'loading' });
    const address = query === null ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`;
    get<Body>(address).then(
      ({ data }) => {
        if (!isLeft) setState({ path, bodies: [...loaded, data], status: 'ready' });
      },
      () => {
        if (!isLeft) setState({ path, bodies: loaded, status: 'failed' });
      },
    );
    return () => {
      isLeft = true;
    };
  }, [path, wanted]);

  const next = last === undefined ? null : nextOf(last);
  return {
    bodies,
    status: isCurrent ? state.status : 'loading',
    next,
    loadMore: () => setWanted({ path, query: next }),
  };
}
