import { useCallback, useEffect, useState } from 'react';

import { useFetchClient } from '@strapi/strapi/admin';

/** A version with what users did with its answers. */
export interface Version {
  readonly version: number;
  readonly publishedAt: string;
  readonly publishedBy: string | null;
  readonly answers: number;
  readonly likes: number;
  readonly dislikes: number;
  readonly stops: number;
  readonly errors: number;
  readonly tokens: number;
}

export interface VersionPage {
  readonly data: readonly Version[];
  readonly meta: {
    readonly page: number;
    readonly pageSize: number;
    readonly total: number;
    readonly mayRestore: boolean;
  };
}

/** The fields of a version that the administrator may read. */
export type Fields = Readonly<Record<string, unknown>>;

export interface Restored {
  readonly restored: readonly string[];
  readonly skipped: readonly string[];
}

/** What was loaded: `undefined` while it loads, null after an error. */
export type Loaded<T> = T | null | undefined;

export const versionsUrl = (documentId: string, rest = ''): string =>
  `/admin/character-chat/versions/${documentId}${rest}`;

/**
 * Loads something again whenever its address changes.
 * @param mark loads again when it changes.
 */
export function useLoaded<T>(url: string, mark = ''): Loaded<T> {
  const { get } = useFetchClient();
  const [loaded, setLoaded] = useState<{ readonly key: string; readonly value: T | null }>();
  const key = `${url} ${mark}`;
  const load = useCallback(async () => (await get<T>(url)).data, [get, url]);
  useEffect(() => {
    let isCurrent = true;
    const show = (value: T | null) => isCurrent && setLoaded({ key, value });
    load().then(show, () => show(null));
    return () => {
      isCurrent = false;
    };
  }, [key, load]);
  return loaded?.key === key ? loaded.value : undefined;
}
