import { useCallback, useEffect, useRef, useState } from 'react';

import { useAuth, useFetchClient } from '@strapi/strapi/admin';

import { readEvents, type TrialEnd, type TrialEvent } from './read-events';

export type Side = 'draft' | 'published';

/** A question with its answer so far. */
export interface Exchange {
  readonly query: string;
  readonly answer: string;
  readonly place?: number;
  readonly end?: Partial<TrialEnd> & Pick<TrialEnd, 'outcome'>;
}

export interface Trial {
  readonly exchanges: readonly Exchange[];
  readonly isRunning: boolean;
  send(query: string): Promise<void>;
  stop(): void;
  clear(): void;
}

interface Problem {
  readonly error?: { readonly message?: string };
}

/** Holds the chat with one side of a character. Leaving the dialog stops the answer. */
export function useTrial(documentId: string, side: Side, trialId: string): Trial {
  const post = usePost();
  const [exchanges, setExchanges] = useState<readonly Exchange[]>([]);
  const [isRunning, setRunning] = useState(false);
  const running = useRef<AbortController>();
  useEffect(() => () => running.current?.abort(), []);

  const change = useCallback((changed: (last: Exchange) => Exchange) => {
    setExchanges((all) => all.map((one, index) => (index === all.length - 1 ? changed(one) : one)));
  }, []);

  async function send(query: string): Promise<void> {
    const stopping = new AbortController();
    running.current = stopping;
    setRunning(true);
    setExchanges((all) => [...all, { query, answer: '' }]);
    try {
      const response = await post({ trialId, documentId, side, query }, stopping.signal);
      if (!response.ok || response.body === null) {
        const { error } = (await response.json()) as Problem;
        change((last) => ({ ...last, end: { outcome: 'failed', error: error?.message ?? null } }));
        return;
      }
      for await (const event of readEvents(response.body)) change((last) => withEvent(last, event));
    } catch {
      const outcome = stopping.signal.aborted ? 'stopped' : 'failed';
      change((last) => ({ ...last, end: { outcome } }));
    } finally {
      if (running.current === stopping) setRunning(false);
    }
  }

  return {
    exchanges,
    isRunning,
    send,
    stop: () => running.current?.abort(),
    clear() {
      running.current?.abort();
      setExchanges([]);
    },
  };
}

function withEvent(last: Exchange, event: TrialEvent): Exchange {
  switch (event.type) {
    case 'delta':
      return { ...last, answer: last.answer + event.text };
    case 'replaced':
      return { ...last, answer: event.text };
    case 'queued':
      return { ...last, place: event.place };
    case 'ended':
      return { ...last, end: event };
  }
}

const backendUrl = () => (window.strapi as unknown as { readonly backendURL: string }).backendURL;

/** Strapi's fetch client cannot stream. It renews an access token that has expired. */
function usePost() {
  const { get } = useFetchClient();
  const token = useAuth('useTrial', (auth) => auth.token);
  const newest = useRef(token);
  newest.current = token;
  return async (body: object, signal: AbortSignal): Promise<Response> => {
    const send = () =>
      fetch(`${backendUrl()}/admin/character-chat/trials`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${newest.current ?? ''}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
        signal,
      });
    const response = await send();
    if (response.status !== 401) return response;
    await get('/admin/users/me');
    return send();
  };
}
