import { useEffect, useState } from 'react';

import { useFetchClient } from '@strapi/strapi/admin';

export const path = '/admin/character-chat/usage';

export type Dimension = 'day' | 'character' | 'model';

export interface Sums {
  readonly messages: number;
  readonly users: number;
  readonly errors: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly price: Readonly<Record<string, string>>;
  readonly likes: number;
  readonly dislikes: number;
  readonly first_token_median_ms: number | null;
  readonly first_token_p95_ms: number | null;
}

export interface Row extends Sums {
  readonly id: string;
  readonly name: string | null;
}

export interface Usage {
  readonly from: string;
  readonly to: string;
  readonly by: Dimension;
  readonly totals: Sums;
  readonly rows: readonly Row[];
}

export type Parameters = Readonly<Record<string, string>>;

interface Loaded {
  /** The last loaded usage. It stays while the next one loads. */
  readonly usage?: Usage;
  readonly isFailed: boolean;
  readonly isLoading: boolean;
  readonly retry: () => void;
}

/** Loads the usage, again when the parameters change. */
export function useUsage(parameters: Parameters): Loaded {
  const { get } = useFetchClient();
  const query = String(new URLSearchParams(parameters));
  const [attempt, setAttempt] = useState(0);
  const [loaded, setLoaded] = useState<{ usage?: Usage; key?: string; isFailed: boolean }>({
    isFailed: false,
  });
  const key = `${query} ${attempt}`;

  useEffect(() => {
    let isCurrent = true;
    get<{ data: Usage }>(`${path}?${query}`)
      .then(({ data }) => isCurrent && setLoaded({ usage: data.data, key, isFailed: false }))
      .catch(() => isCurrent && setLoaded((earlier) => ({ ...earlier, key, isFailed: true })));
    return () => {
      isCurrent = false;
    };
  }, [get, key, query]);

  return {
    ...loaded,
    isLoading: loaded.key !== key,
    retry: () => setAttempt((count) => count + 1),
  };
}
