import { useCallback, useEffect, useRef, useState } from 'react';

import { useFetchClient } from '@strapi/strapi/admin';

import type { TrialEnd } from './read-events';

/** A finished trial, as the server lists it. */
export interface EarlierTrial extends Omit<TrialEnd, 'type'> {
  readonly id: number;
  readonly at: string;
  readonly editor: string | null;
  readonly side: 'draft' | 'published' | 'version';
  readonly version: number | null;
  readonly hash: string | null;
  readonly query: string;
  readonly answer: string;
}

interface Page {
  readonly data: readonly EarlierTrial[];
  readonly nextBefore: number | null;
}

export interface Earlier {
  readonly trials: readonly EarlierTrial[];
  readonly hasMore: boolean;
  readonly state: 'loading' | 'loaded' | 'failed';
  more(): void;
}

/** Loads the trials of a character in pages, the newest first. */
export function useEarlier(documentId: string): Earlier {
  const { get } = useFetchClient();
  const [page, setPage] = useState<Page>({ data: [], nextBefore: null });
  const [state, setState] = useState<Earlier['state']>('loading');
  const isGone = useRef(false);
  const load = useCallback(
    async (before?: number) => {
      setState('loading');
      try {
        const params = { documentId, ...(before !== undefined && { before }) };
        const { data: next } = await get<Page>('/admin/character-chat/trials', { params });
        if (isGone.current) return;
        setPage((known) => ({
          ...next,
          data: before === undefined ? next.data : [...known.data, ...next.data],
        }));
        setState('loaded');
      } catch {
        if (!isGone.current) setState('failed');
      }
    },
    [documentId, get],
  );
  useEffect(() => {
    isGone.current = false;
    void load();
    return () => {
      isGone.current = true;
    };
  }, [load]);
  const { data, nextBefore } = page;
  return {
    trials: data,
    hasMore: nextBefore !== null,
    state,
    more: () => void load(nextBefore ?? undefined),
  };
}
